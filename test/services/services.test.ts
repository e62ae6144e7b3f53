import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { openServices, type Runtime } from '../../src/services/index.js';
import { withCapturedEvents } from '../support/captured-events.js';
import { filesBelow, temporaryDirectory } from '../support/temporary-directory.js';
import { CONTAINER_TOPICS, TEST_IMAGE, testImageArchive } from '../support/test-image.js';

describe('services', () => {
  it('emit the whole life of an image and its container, in the order of the changes', async (t) => {
    const directory = await temporaryDirectory(t);
    const archive = await testImageArchive();
    await withCapturedEvents(async (events) => {
      const services = await openServices({ directory });
      const [image] = await services.importer.importArchive(Readable.from([archive]));
      assert.equal(image?.name, TEST_IMAGE);
      const container = await services.containers.create({ image: TEST_IMAGE });
      await container.start();
      await container.wait();
      await container.delete();
      await services.images.remove(TEST_IMAGE);
      await services.close();
      assert.deepEqual(
        events.map(({ topic, event }) => (topic === '/plugin/register' ? `${topic} ${event.type}` : topic)),
        [
          '/plugin/register content',
          '/plugin/register rootfs',
          '/plugin/register image',
          '/plugin/register container',
          ...CONTAINER_TOPICS,
          '/service/image/remove',
        ],
      );
    });
  });

  it('belong to one owner at a time, and free the folder when closed', async (t) => {
    const directory = await temporaryDirectory(t);
    const services = await openServices({ directory });
    await assert.rejects(openServices({ directory }), { code: 'SERVICE_IN_USE', message: /owner\.pid/ });
    await services.close();
    await (await openServices({ directory })).close();
    await writeFile(join(directory, 'owner.pid'), '99999999');
    await (await openServices({ directory })).close();
  });

  it('are not opened, and leave the folder free, when one of them cannot be', async (t) => {
    const directory = await temporaryDirectory(t);
    await (await openServices({ directory })).close();
    await writeFile(join(directory, 'images', 'x.json'), 'damaged');
    await withCapturedEvents(async (events) => {
      await assert.rejects(openServices({ directory }), { code: 'SERVICE_CORRUPT_STATE' });
      assert.ok(events.some(({ topic, event }) => topic === '/plugin/error' && event.type === 'image'));
    });
    assert.ok(!(await filesBelow(directory)).includes('owner.pid'));
    const runtime = 'docker' as unknown as Runtime;
    await assert.rejects(openServices({ directory, runtime }), { code: 'SERVICE_INVALID_ARGUMENT' });
  });

  it('give plugins of the user what they require, and open although such a plugin fails', async (t) => {
    const directory = await temporaryDirectory(t);
    const seen: unknown[] = [];
    const services = await openServices({
      directory,
      plugins: [
        { type: 'audit', id: 'mine', requires: ['content'], init: (context) => seen.push(context.get('content')) },
        { type: 'audit', id: 'broken', init: () => Promise.reject(new Error('broken')) },
      ],
    });
    assert.deepEqual(seen, [services.content]);
    await services.close();
  });
});
