import assert from 'node:assert/strict';
import { readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ContentStore } from '../../../src/services/content/content-store.js';
import { digestOf } from '../../../src/services/content/digest.js';
import { Snapshotter } from '../../../src/services/rootfs/snapshotter.js';
import { chainId, Unpacker } from '../../../src/services/rootfs/unpacker.js';
import { topicsOf, withCapturedEvents } from '../../support/captured-events.js';
import { tarOf } from '../../support/tar-archive.js';
import { filesBelow, temporaryDirectory } from '../../support/temporary-directory.js';

describe('snapshotter', () => {
  it('prepares, commits and removes, and emits each once it is done', async (t) => {
    const directory = await temporaryDirectory(t);
    await withCapturedEvents(async (events) => {
      const snapshotter = await Snapshotter.open(directory);
      const base = await snapshotter.prepare('base');
      await writeFile(join(base.path, 'f'), 'base');
      await symlink('f', join(base.path, 'l'));
      assert.equal((await snapshotter.commit('v1', 'base')).kind, 'committed');
      const child = await snapshotter.prepare('child', 'v1');
      await writeFile(join(child.path, 'f'), 'child');
      assert.equal(await readFile(join(snapshotter.get('v1')?.path ?? '', 'l'), 'utf8'), 'base');
      await assert.rejects(snapshotter.remove('v1'), { code: 'SERVICE_IN_USE' });
      await snapshotter.remove('child');
      await snapshotter.remove('v1');
      assert.deepEqual(
        events.map(({ topic, type, event }) => [topic, type, event]),
        [
          ['/service/rootfs/prepare', 'SnapshotPrepare', { key: 'base', parent: '', snapshotter: 'native' }],
          ['/service/rootfs/commit', 'SnapshotCommit', { key: 'base', name: 'v1', snapshotter: 'native' }],
          ['/service/rootfs/prepare', 'SnapshotPrepare', { key: 'child', parent: 'v1', snapshotter: 'native' }],
          ['/service/rootfs/remove', 'SnapshotRemove', { key: 'child', snapshotter: 'native' }],
          ['/service/rootfs/remove', 'SnapshotRemove', { key: 'v1', snapshotter: 'native' }],
        ],
      );
    });
    assert.deepEqual(await filesBelow(directory), []);
    assert.deepEqual(await readdir(join(directory, 'snapshots')), []);
  });

  it('does not remove what is being committed, and has it after a restart', async (t) => {
    const directory = await temporaryDirectory(t);
    const snapshotter = await Snapshotter.open(directory);
    const { path } = await snapshotter.prepare('active');
    await writeFile(join(path, 'f'), 'kept');
    const committing = snapshotter.commit('v1', 'active');
    await assert.rejects(snapshotter.remove('v1'), { code: 'SERVICE_IN_USE', message: /its commit/ });
    await committing;
    const again = await Snapshotter.open(directory);
    assert.equal(await readFile(join(again.get('v1')?.path ?? '', 'f'), 'utf8'), 'kept');
    await again.remove('v1');
  });

  it('refuses what does not fit the state, and changes and emits nothing', async (t) => {
    const snapshotter = await Snapshotter.open(await temporaryDirectory(t));
    await snapshotter.prepare('active');
    await snapshotter.prepare('other');
    await snapshotter.commit('committed', 'other');
    const before = snapshotter.list();
    await withCapturedEvents(async (events) => {
      await assert.rejects(snapshotter.prepare('active'), { code: 'SERVICE_ALREADY_EXISTS' });
      await assert.rejects(snapshotter.prepare('x', 'active'), { code: 'SERVICE_WRONG_STATE' });
      await assert.rejects(snapshotter.prepare('x', 'nothing'), { code: 'SERVICE_NOT_FOUND' });
      await assert.rejects(snapshotter.commit('y', 'committed'), { code: 'SERVICE_WRONG_STATE' });
      await assert.rejects(snapshotter.commit('committed', 'active'), { code: 'SERVICE_ALREADY_EXISTS' });
      await assert.rejects(snapshotter.remove('nothing'), { code: 'SERVICE_NOT_FOUND' });
      assert.throws(() => snapshotter.prepare(''), { code: 'SERVICE_INVALID_ARGUMENT' });
      assert.deepEqual(events, []);
    });
    assert.deepEqual(snapshotter.list(), before);
  });

  it('has after a restart what it had, without what was cut short', async (t) => {
    const directory = await temporaryDirectory(t);
    const first = await Snapshotter.open(directory);
    await writeFile(join((await first.prepare('a')).path, 'f'), 'kept');
    await first.prepare('b');
    const activeRecord = (await readdir(join(directory, 'metadata'))).sort();
    const contents = await Promise.all(activeRecord.map((name) => readFile(join(directory, 'metadata', name), 'utf8')));
    await first.commit('v1', 'a');
    // As if the power had failed between writing the committed record and removing the active one.
    await Promise.all(activeRecord.map((name, at) => writeFile(join(directory, 'metadata', name), contents[at] ?? '')));
    await rm(join(directory, 'snapshots', 'stray'), { recursive: true, force: true });
    await writeFile(join(directory, 'snapshots', 'stray'), 'files of a snapshot without a record');
    const second = await Snapshotter.open(directory);
    assert.deepEqual(
      second
        .list()
        .map(({ key, kind }) => `${kind} ${key}`)
        .sort(),
      ['active b', 'committed v1'],
    );
    assert.equal(await readFile(join(second.get('v1')?.path ?? '', 'f'), 'utf8'), 'kept');
    assert.equal((await readdir(join(directory, 'snapshots'))).length, 2);
  });

  it('says which file is damaged', async (t) => {
    const directory = await temporaryDirectory(t);
    await Snapshotter.open(directory);
    for (const text of ['{', '{}', '{"key":"a","parent":"","kind":"active","id":"../../etc"}']) {
      await writeFile(join(directory, 'metadata', 'x.json'), text);
      await assert.rejects(Snapshotter.open(directory), { code: 'SERVICE_CORRUPT_STATE', message: /x\.json/ });
    }
  });
});

describe('unpacker', () => {
  const lower = tarOf([
    { path: 'a', body: 'lower' },
    { path: 'b', body: 'lower' },
  ]);
  const upper = tarOf([{ path: 'b', body: 'upper' }, { path: '.wh.a' }]);

  async function open(t: Parameters<typeof temporaryDirectory>[0]) {
    const directory = await temporaryDirectory(t);
    const content = await ContentStore.open(join(directory, 'content'));
    const snapshotter = await Snapshotter.open(join(directory, 'rootfs'));
    const add = async (archive: Buffer, diffId = digestOf(archive)) => ({
      digest: (await content.write(gzipSync(archive))).digest,
      diffId,
    });
    return { directory, snapshotter, unpacker: new Unpacker(content, snapshotter), add };
  }

  it('makes one committed snapshot a layer, each on top of the one before', async (t) => {
    const { snapshotter, unpacker, add } = await open(t);
    const layers = [await add(lower), await add(upper)];
    const key = await unpacker.unpack(layers);
    assert.equal(key, digestOf(`${digestOf(lower)} ${digestOf(upper)}`));
    const top = snapshotter.get(key);
    assert.equal(top?.parent, digestOf(lower));
    assert.deepEqual(await filesBelow(top?.path ?? ''), ['b']);
    assert.equal((await stat(join(top?.path ?? '', 'b'))).size, 5);
  });

  it('unpacks a layer once, however many ask at the same time', async (t) => {
    const { unpacker, add } = await open(t);
    const layers = [await add(lower), await add(upper)];
    await withCapturedEvents(async (events) => {
      const keys = await Promise.all([1, 2, 3].map(() => unpacker.unpack(layers)));
      assert.equal(new Set(keys).size, 1);
      const two = ['/service/rootfs/prepare', '/service/rootfs/commit'];
      assert.deepEqual(topicsOf(events), [...two, ...two]);
    });
  });

  it('leaves nothing of a layer that is not what its diff id says, or is hostile', async (t) => {
    const { directory, snapshotter, unpacker, add } = await open(t);
    const wrong = await add(upper, digestOf('something else'));
    const hostile = await add(tarOf([{ path: 'ok' }, { path: '../x' }]));
    await assert.rejects(unpacker.unpack([wrong]), { code: 'SERVICE_CONTENT_MISMATCH' });
    await assert.rejects(unpacker.unpack([hostile]), { code: 'SERVICE_UNSAFE_ENTRY' });
    assert.deepEqual(snapshotter.list(), []);
    assert.deepEqual(await filesBelow(join(directory, 'rootfs')), []);
  });

  it('names chains as the image specification does', () => {
    const first = digestOf('1');
    const second = digestOf('2');
    assert.equal(chainId('', first), first);
    assert.equal(chainId(first, second), digestOf(`${first} ${second}`));
  });
});
