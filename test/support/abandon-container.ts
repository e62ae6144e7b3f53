/** A process that starts a container, says so, and waits to be killed. */
import { Readable } from 'node:stream';
import { openServices } from '../../src/services/index.js';
import { TEST_IMAGE, testImageArchive } from './test-image.js';

const [directory = '', runtime, id = ''] = process.argv.slice(2);
const services = await openServices({ directory, runtime: runtime === 'runc' ? 'runc' : 'process' });
await services.importer.importArchive(Readable.from([await testImageArchive()]));
const container = await services.containers.create({ id, image: TEST_IMAGE, args: ['sleep', '1000'] });
await container.start();
process.send?.({ pid: container.pid });
setInterval(() => {}, 1000);
