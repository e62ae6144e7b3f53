import assert from 'node:assert/strict';
import fsPromises, { mkdir, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { claimDirectory } from '../../src/services/directory-owner.js';
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

  it('take the folder that an earlier process of the same id has left, as in a container', {
    skip: process.platform !== 'linux' && 'only Linux says when a process was started',
  }, async (t) => {
    const directory = await temporaryDirectory(t);
    await mkdir(join(directory, 'content/ingest'), { recursive: true });
    await writeFile(join(directory, 'content/ingest', `.tmp-${process.pid}.1-x-0`), 'half a file');
    await writeFile(join(directory, 'owner.pid'), `${process.pid}.1`);
    const services = await openServices({ directory });
    await assert.rejects(openServices({ directory }), { code: 'SERVICE_IN_USE' });
    await services.close();
    assert.deepEqual(await filesBelow(directory), []);
  });

  it('have one owner, also where two find the mark of a dead one at the same time', async (t) => {
    const directory = await temporaryDirectory(t);
    await writeFile(join(directory, 'owner.pid'), '99999999');
    const { readFile } = fsPromises;
    let reads = 0;
    // The other one takes the folder after this one has read the mark, and before it does anything.
    t.mock.method(fsPromises, 'readFile', async (...args: Parameters<typeof readFile>) => {
      const mark = await readFile(...args);
      if (reads++ === 0) await claimDirectory(directory);
      return mark;
    });
    syncBuiltinESMExports();
    t.after(() => {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    });
    await assert.rejects(claimDirectory(directory), { code: 'SERVICE_IN_USE' });
    assert.ok(reads > 1);
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

  it('tell why a container cannot be made, where undoing what was begun fails in turn', async (t) => {
    const directory = await temporaryDirectory(t);
    const runtime: Runtime = {
      name: 'mine',
      async create() {
        for (const { key, kind } of services.snapshotter.list()) {
          if (kind === 'active') await services.snapshotter.remove(key);
        }
        throw new Error('mine');
      },
      async discard() {},
    };
    const services = await openServices({ directory, runtime });
    await services.importer.importArchive(Readable.from([await testImageArchive()]));
    await assert.rejects(services.containers.create({ image: TEST_IMAGE }), { message: 'mine' });
    assert.deepEqual(services.containers.list(), []);
    await services.close();
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
