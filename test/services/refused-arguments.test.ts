/** What the services are given that makes no sense is refused by a code, before anything is changed or told. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { openServices, PluginRegistry, type Services, storm } from '../../src/services/index.js';
import { withCapturedEvents } from '../support/captured-events.js';
import { filesBelow, temporaryDirectory } from '../support/temporary-directory.js';
import { TEST_IMAGE, testImageArchive } from '../support/test-image.js';

// biome-ignore lint/suspicious/noExplicitAny: what no type allows is what is tried here
type Anything = any;
const INVALID = { code: 'SERVICE_INVALID_ARGUMENT' };
const ARCHIVE = await testImageArchive();

async function openIn(t: TestContext): Promise<{ services: Services; directory: string }> {
  let services: Services | undefined;
  const directory = await temporaryDirectory(t, async () => services?.close());
  services = await openServices({ directory });
  return { services, directory };
}

/** Runs each call, which has to be refused and to leave the folder and the bus as they were. */
async function assertRefused(directory: string, calls: Record<string, () => unknown>): Promise<void> {
  const before = await filesBelow(directory);
  await withCapturedEvents(async (events) => {
    for (const [name, call] of Object.entries(calls)) {
      await assert.rejects(async () => call(), INVALID, name);
    }
    assert.deepEqual(events, []);
  });
  assert.deepEqual(await filesBelow(directory), before);
}

describe('the services refuse', () => {
  it('content that is no bytes, and limits and sizes that are none', async (t) => {
    const { services, directory } = await openIn(t);
    const { content } = services;
    const write = (source: Anything, options?: Anything) => () => content.write(source, options);
    await assertRefused(directory, {
      text: write('hello'),
      'a stream of text': write(Readable.from(['hello'])),
      'a list of numbers': write([1, 2]),
      'an ArrayBuffer': write(new ArrayBuffer(2)),
      nothing: write(undefined),
      'a number': write(5),
      'no limit that is a number': write(Buffer.from('x'), { maxBytes: Number.NaN }),
      'a limit that is text': write(Buffer.from('x'), { maxBytes: '5' }),
      'a size that is text': write(Buffer.from('x'), { sizeBytes: '1' }),
      'a media type that is a number': write(Buffer.from('x'), { mediaType: 5 }),
    });
    const ingest = await content.ingest();
    await assert.rejects(ingest.write('hello' as Anything), INVALID);
    await assert.rejects(ingest.commit({ digest: 'sha256:x' }), INVALID);
    await ingest.write(Buffer.from('hello'));
    assert.equal((await ingest.commit()).sizeBytes, 5);
  });

  it('an import that is no archive, and options that are none, before anything of the image is kept', async (t) => {
    const { services, directory } = await openIn(t);
    const { importer } = services;
    const withOptions = (options: Anything) => () => importer.importArchive(Readable.from([ARCHIVE]), options);
    await assertRefused(directory, {
      'a path': () => importer.importArchive('image.tar' as Anything),
      'the bytes themselves': () => importer.importArchive(ARCHIVE as Anything),
      nothing: () => importer.importArchive(undefined as Anything),
      'a label that is a number': withOptions({ labels: { a: 5 } }),
      'labels that are text': withOptions({ labels: 'ab' }),
      'a limit that is not a number': withOptions({ maxEntries: Number.NaN }),
      'a signal that is none': withOptions({ signal: {} }),
      'a listener that is none': withOptions({ onProgress: 5 }),
      'no folder': () => importer.importLayout(''),
    });
    const aborted = { signal: AbortSignal.abort(new Error('enough')) };
    await assert.rejects(importer.importArchive(Readable.from([ARCHIVE]), aborted), { message: 'enough' });
  });

  it('what a process cannot be started with, and signals that do not exist', async (t) => {
    const { services, directory } = await openIn(t);
    await services.importer.importArchive(Readable.from([ARCHIVE]));
    const create = (options: Anything) => services.containers.create({ image: TEST_IMAGE, ...options });
    const container = await create({ args: ['sleep', '1000'] });
    await container.start();
    const refused = (options: Anything) => ({
      [`${JSON.stringify(options)} for a container`]: () => create(options),
      [`${JSON.stringify(options)} for an exec`]: () => container.exec({ args: ['sh', '-c', 'exit 0'], ...options }),
    });
    await assertRefused(directory, {
      ...refused({ environment: 'A=b' }),
      ...refused({ environment: [5] }),
      ...refused({ environment: ['A=\0'] }),
      ...refused({ stdio: 'inherit' }),
      ...refused({ stdio: ['ignore'] }),
      ...refused({ stdio: ['pipe', 'pipe', 'pipe'] }),
      ...refused({ args: [1] }),
      'a list that JSON cannot show': () => create({ args: [1n] }),
      'a relative working directory': () => container.exec({ args: ['sh'], workingDirectory: 'etc' }),
      'a user that is a number': () => container.exec({ args: ['sh'], user: 0 as Anything }),
      'an unknown signal': () => container.kill('SIGNOPE' as Anything),
      'no signal': () => container.kill(undefined as Anything),
    });
    const exec = await container.exec({ args: ['sleep', '1000'], environment: undefined } as Anything);
    await assert.rejects(exec.kill('sigkill' as Anything), INVALID);
    await exec.kill('SIGKILL');
    assert.equal((await exec.wait()).exitStatus, 137);
    assert.equal(container.status, 'running');
  });

  it('storms of no number, rather than report what was not done', async (t) => {
    const { services, directory } = await openIn(t);
    const counts = [{ concurrency: 0 }, { concurrency: Number.NaN }, { blobs: -1 }, { blobs: 2.5 }, { blobBytes: -1 }];
    await assertRefused(
      directory,
      Object.fromEntries(counts.map((one) => [JSON.stringify(one), () => storm(services, { blobs: 3, ...one })])),
    );
  });

  it('plugins without what a plugin needs, and options for layers that are none', async (t) => {
    const registry = new PluginRegistry();
    const init = () => {};
    const plugins = [undefined, {}, { type: 'x', init }, { id: 'a', type: 'x' }, { id: 5, type: 'x', init }];
    const lists = [{ requires: 'content' }, { requires: [5] }, { capabilities: 'abc' }, { capabilities: [5] }];
    for (const plugin of [...plugins, ...lists.map((list) => ({ id: 'a', type: 'x', init, ...list }))]) {
      assert.throws(() => registry.add(plugin as Anything), INVALID, JSON.stringify(plugin));
    }
    assert.deepEqual(await registry.initialise(), []);
    const directory = join(await temporaryDirectory(t), 'services');
    const options = [undefined, { directory: 'a\0b' }, { directory, plugins: 5 }, { directory, plugins: [null] }];
    const layers = [{ maxEntries: Number.NaN }, { maxUncompressedBytes: -1 }, { specialFiles: 'ignore' }];
    for (const one of [...options, ...layers.map((limits) => ({ directory, layers: limits }))]) {
      await assert.rejects(openServices(one as Anything), INVALID, JSON.stringify(one));
    }
  });
});
