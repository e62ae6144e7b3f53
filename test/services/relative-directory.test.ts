/** The services and their stores in a folder that is named by a relative path. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import {
  ContainerService,
  ContentStore,
  digestOf,
  ImageStore,
  openServices,
  ProcessRuntime,
  Snapshotter,
  Unpacker,
} from '../../src/services/index.js';
import { filesBelow, temporaryDirectory } from '../support/temporary-directory.js';
import { runcMissing, TEST_IMAGE, testImageArchive } from '../support/test-image.js';

/** Enters a new directory, and leaves it for a second one when asked to. */
async function enterDirectory(t: TestContext) {
  const before = process.cwd();
  const home = await temporaryDirectory(t, async () => process.chdir(before));
  const elsewhere = await temporaryDirectory(t);
  process.chdir(home);
  return { home, elsewhere, leave: () => process.chdir(elsewhere) };
}

for (const runtime of ['process', 'runc'] as const) {
  const skip = runtime === 'runc' && (await runcMissing());

  describe(`services in a relative directory, with the runtime ${runtime}`, { skip }, () => {
    it('run containers, also after the process has changed its directory', async (t) => {
      const archive = await testImageArchive();
      const { home, elsewhere, leave } = await enterDirectory(t);
      const services = await openServices({ directory: 'state', runtime });
      try {
        await services.importer.importArchive(Readable.from([archive]));
        const first = await services.containers.create({ image: TEST_IMAGE, args: ['sh', '-c', 'exit 3'] });
        await first.start();
        assert.equal((await first.wait()).exitStatus, 3);
        leave();
        const second = await services.containers.create({ image: TEST_IMAGE, args: ['sleep', '1000'] });
        await second.start();
        const exec = await second.exec({ args: ['sh', '-c', 'exit 4'] });
        assert.equal((await exec.wait()).exitStatus, 4);
      } finally {
        await services.close();
      }
      assert.deepEqual(await readdir(home), ['state']);
      assert.deepEqual(await readdir(elsewhere), []);
      assert.ok(!(await filesBelow(join(home, 'state'))).includes('owner.pid'));
    });
  });
}

describe('a store in a relative directory', () => {
  it('stays there when the process changes its directory', async (t) => {
    const { home, elsewhere, leave } = await enterDirectory(t);
    const content = await ContentStore.open('content');
    const images = await ImageStore.open('images');
    const snapshotter = await Snapshotter.open('rootfs');
    const unpacker = new Unpacker(content, snapshotter);
    const parts = { content, images, snapshotter, unpacker, runtime: new ProcessRuntime() };
    await ContainerService.open('containers', parts);
    leave();
    const { digest, sizeBytes } = await content.write(Buffer.from('a'));
    await images.register('a:1', { mediaType: 'text/plain', digest, size: sizeBytes });
    const { path } = await snapshotter.prepare('a');
    assert.equal(digest, digestOf('a'));
    assert.ok(path.startsWith(join(home, 'rootfs')), path);
    assert.deepEqual((await readdir(home)).sort(), ['containers', 'content', 'images', 'rootfs']);
    assert.equal((await filesBelow(home)).length, 3);
    assert.deepEqual(await readdir(elsewhere), []);
  });

  it('is not opened under an empty path, which would be the current directory', async (t) => {
    const { home } = await enterDirectory(t);
    const refusal = { code: 'SERVICE_INVALID_ARGUMENT', message: 'directory must be the path of a directory, got ""' };
    for (const open of [ContentStore.open, ImageStore.open, Snapshotter.open]) await assert.rejects(open(''), refusal);
    await assert.rejects(openServices({ directory: '' }), refusal);
    assert.deepEqual(await readdir(home), []);
  });
});
