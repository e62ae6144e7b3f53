import assert from 'node:assert/strict';
import { lstat, mkdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { digestOf } from '../../../src/services/content/digest.js';
import { applyLayer, type LayerOptions } from '../../../src/services/rootfs/layer.js';
import { type TarInput, tarOf } from '../../support/tar-archive.js';
import { filesBelow, temporaryDirectory } from '../../support/temporary-directory.js';

/** A root beside a directory that nothing may touch. */
async function rootBesideVictim(t: TestContext) {
  const directory = await temporaryDirectory(t);
  const root = join(directory, 'root');
  const victim = join(directory, 'victim');
  await mkdir(root);
  await mkdir(victim);
  await writeFile(join(victim, 'secret'), 'untouched');
  const assertUntouched = async () => {
    assert.deepEqual(await filesBelow(victim), ['secret']);
    assert.equal(await readFile(join(victim, 'secret'), 'utf8'), 'untouched');
    assert.deepEqual(
      (await filesBelow(directory)).filter((path) => !path.startsWith('root/')),
      ['victim/secret'],
    );
  };
  return { root, victim, assertUntouched };
}

function apply(root: string, entries: readonly TarInput[], options: LayerOptions = {}) {
  return applyLayer(root, Readable.from([tarOf(entries)]), 'layer', options);
}

const UID_OFFSET = 108;
const SUM_OFFSET = 148;

/** An archive whose first header is changed, with the sum that fits. */
function withHeader(entries: readonly TarInput[], change: (header: Buffer) => void): Buffer {
  const archive = tarOf(entries);
  const header = archive.subarray(0, 512);
  change(header);
  header.fill(' ', SUM_OFFSET, SUM_OFFSET + 8);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, SUM_OFFSET);
  return archive;
}

describe('layer', () => {
  it('creates files, directories and links with modes and times, and returns the diff id', async (t) => {
    const root = await temporaryDirectory(t);
    const modifiedAt = new Date('2020-02-02T20:20:20Z');
    const archive = tarOf([
      { path: './', type: 'Directory' },
      { path: '/', type: 'Directory', mode: 0o711 },
      { path: 'bin/', type: 'Directory', mode: 0o555, modifiedAt },
      { path: 'bin/tool', body: '#!', mode: 0o4755, modifiedAt },
      { path: 'bin/hard', type: 'Link', linkPath: 'bin/tool' },
      { path: 'bin/soft', type: 'SymbolicLink', linkPath: '/bin/tool' },
      { path: 'no/parent/entry', body: 'made' },
    ]);
    const diffId = await applyLayer(root, Readable.from([gzipSync(archive)]), 'layer');
    assert.equal(diffId, digestOf(archive));
    assert.equal((await stat(root)).mode & 0o777, 0o711);
    const tool = await stat(join(root, 'bin/tool'));
    assert.equal(tool.mode & 0o7777, 0o4755);
    assert.deepEqual(tool.mtime, modifiedAt);
    assert.equal((await stat(join(root, 'bin/hard'))).ino, tool.ino);
    assert.equal(await readlink(join(root, 'bin/soft')), '/bin/tool');
    assert.deepEqual((await stat(join(root, 'bin'))).mtime, modifiedAt);
    assert.equal((await stat(join(root, 'bin'))).mode & 0o055, 0o055);
    assert.equal(await readFile(join(root, 'no/parent/entry'), 'utf8'), 'made');
  });

  it('replaces files of lower layers, and does not write through their hard links', async (t) => {
    const root = await temporaryDirectory(t);
    await apply(root, [
      { path: 'a', body: 'old' },
      { path: 'b', type: 'Link', linkPath: 'a' },
    ]);
    await apply(root, [{ path: 'a', body: 'new' }]);
    assert.equal(await readFile(join(root, 'a'), 'utf8'), 'new');
    assert.equal(await readFile(join(root, 'b'), 'utf8'), 'old');
  });

  it('hides with a whiteout what lower layers brought, and not what the same layer did', async (t) => {
    const root = await temporaryDirectory(t);
    await apply(root, [
      { path: 'gone', body: '1' },
      { path: 'tree/deep/file', body: '2' },
      { path: 'kept', body: '3' },
    ]);
    await apply(root, [
      { path: '.wh.gone' },
      { path: '.wh.tree' },
      { path: 'mine', body: '4' },
      { path: '.wh.mine' },
      { path: '.wh.never-was' },
      { path: 'no/such/.wh.place' },
      { path: '.wh..wh.plnk', body: 'aufs metadata' },
    ]);
    assert.deepEqual(await filesBelow(root), ['kept', 'mine']);
  });

  it('empties a directory with an opaque whiteout, wherever in the layer it comes', async (t) => {
    const root = await temporaryDirectory(t);
    await apply(root, [
      { path: 'd/old', body: '1' },
      { path: 'd/sub/old', body: '2' },
      { path: 'e', body: '3' },
    ]);
    await apply(root, [{ path: 'd/sub/new', body: '4' }, { path: 'd/.wh..wh..opq' }, { path: 'd/new', body: '5' }]);
    assert.deepEqual(await filesBelow(root), ['d/new', 'd/sub/new', 'e']);
  });

  it('follows links of lower layers inside the root, absolute ones too', async (t) => {
    const { root, assertUntouched } = await rootBesideVictim(t);
    await apply(root, [
      { path: 'usr/lib/', type: 'Directory' },
      { path: 'lib', type: 'SymbolicLink', linkPath: 'usr/lib' },
      { path: 'opt', type: 'SymbolicLink', linkPath: '/usr' },
      { path: 'deep/down/up', type: 'SymbolicLink', linkPath: '../../usr' },
      { path: 'deep/down/top', type: 'SymbolicLink', linkPath: '/usr' },
    ]);
    await apply(root, [
      { path: 'lib/one', body: '1' },
      { path: 'opt/lib/two', body: '2' },
      { path: 'deep/down/up/lib/three', body: '3' },
      { path: 'deep/down/top/lib/four', body: '4' },
    ]);
    assert.deepEqual(await filesBelow(root), [
      'deep/down/top',
      'deep/down/up',
      'lib',
      'opt',
      ...['four', 'one', 'three', 'two'].map((name) => `usr/lib/${name}`),
    ]);
    await assertUntouched();
  });

  it('writes inside the root where an absolute link names a directory outside', async (t) => {
    const { root, victim, assertUntouched } = await rootBesideVictim(t);
    await apply(root, [
      { path: 'way', type: 'SymbolicLink', linkPath: victim },
      { path: 'way/secret', body: 'overwritten' },
    ]);
    assert.equal(await readFile(join(root, victim, 'secret'), 'utf8'), 'overwritten');
    await assertUntouched();
  });

  it('does not follow a link that lies in the root but leads out', async (t) => {
    const { root, victim, assertUntouched } = await rootBesideVictim(t);
    await symlink('../victim', join(root, 'out'));
    await symlink(victim, join(root, 'absolute'));
    await apply(root, [
      { path: 'out/secret', body: 'x' },
      { path: 'absolute/.wh.secret' },
      { path: 'absolute/.wh..wh..opq' },
    ]);
    await assertUntouched();
  });

  it('replaces a link by a file of the same name instead of writing to its target', async (t) => {
    const { root, victim, assertUntouched } = await rootBesideVictim(t);
    await apply(root, [
      { path: 'file', type: 'SymbolicLink', linkPath: join(victim, 'secret') },
      { path: 'file', body: 'mine' },
      { path: 'dir', type: 'SymbolicLink', linkPath: victim },
      { path: 'dir/', type: 'Directory', mode: 0o700 },
      { path: 'dir/secret', body: 'mine' },
    ]);
    assert.equal((await lstat(join(root, 'file'))).isFile(), true);
    await assertUntouched();
  });

  it('does not change mode or time of a directory behind a link that replaced one of its own', async (t) => {
    const { root, victim, assertUntouched } = await rootBesideVictim(t);
    await mkdir(join(victim, 'sub'), { mode: 0o711 });
    await apply(root, [
      { path: 'a/sub/', type: 'Directory', mode: 0o777 },
      { path: 'a', type: 'SymbolicLink', linkPath: victim },
    ]);
    assert.equal((await stat(join(victim, 'sub'))).mode & 0o777, 0o711);
    await assertUntouched();
  });

  const escapes: [string, TarInput[]][] = [
    ['a path with ".."', [{ path: '../victim/secret', body: 'x' }]],
    ['a path with ".." in the middle', [{ path: 'a/../../victim/secret', body: 'x' }]],
    ['an absolute path', [{ path: '/tmp/ringcast-absolute', body: 'x' }]],
    ['a relative link out of the root', [{ path: 'l', type: 'SymbolicLink', linkPath: '../victim' }]],
    ['a deep link that climbs out', [{ path: 'a/b/l', type: 'SymbolicLink', linkPath: '../../x/../../victim' }]],
    ['a hard link to a path with ".."', [{ path: 'h', type: 'Link', linkPath: '../victim/secret' }]],
    ['a hard link to an absolute path', [{ path: 'h', type: 'Link', linkPath: '/etc/passwd' }]],
    [
      'a hard link through a link that leads out',
      [
        { path: 'way', type: 'SymbolicLink', linkPath: '/victim' },
        { path: 'h', type: 'Link', linkPath: 'way/secret' },
      ],
    ],
    [
      'a hard link to a directory',
      [
        { path: 'd/', type: 'Directory' },
        { path: 'h', type: 'Link', linkPath: 'd' },
      ],
    ],
    ['a whiteout of ".."', [{ path: '.wh...' }]],
    ['a whiteout of "."', [{ path: '.wh..' }]],
    ['a whiteout of nothing', [{ path: '.wh.' }]],
    ['a file in place of the root', [{ path: '.', body: 'x' }]],
    [
      'a file in place of a directory on the way',
      [
        { path: 'f', body: 'x' },
        { path: 'f/g', body: 'y' },
      ],
    ],
    ['a path of countless segments', [{ path: 'x/'.repeat(257) }]],
    ['a device node', [{ path: 'null', type: 'CharacterDevice' }]],
    ['a FIFO', [{ path: 'pipe', type: 'FIFO' }]],
    [
      'links in a circle',
      [
        { path: 'a', type: 'SymbolicLink', linkPath: 'b' },
        { path: 'b', type: 'SymbolicLink', linkPath: 'a' },
        { path: 'a/x', body: '' },
      ],
    ],
  ];
  for (const [name, entries] of escapes) {
    it(`refuses ${name} and touches nothing outside`, async (t) => {
      const { root, assertUntouched } = await rootBesideVictim(t);
      await assert.rejects(apply(root, entries), { code: 'SERVICE_UNSAFE_ENTRY' });
      await assertUntouched();
    });
  }

  it('skips device nodes where that is asked for', async (t) => {
    const root = await temporaryDirectory(t);
    await apply(root, [{ path: 'null', type: 'CharacterDevice' }, { path: 'f' }], { specialFiles: 'skip' });
    assert.deepEqual(await filesBelow(root), ['f']);
  });

  it('refuses names that the filesystem does not take', async (t) => {
    const root = await temporaryDirectory(t);
    await assert.rejects(apply(root, [{ path: 'x'.repeat(300) }]), { code: 'SERVICE_MALFORMED_INPUT' });
    await assert.rejects(apply(root, [{ path: `${'x'.repeat(250)}/`.repeat(17) }]), {
      code: 'SERVICE_MALFORMED_INPUT',
    });
  });

  it('refuses owners that no system has, of files and directories', {
    skip: process.getuid?.() !== 0 && 'only root sets owners',
  }, async (t) => {
    const root = await temporaryDirectory(t);
    for (const type of ['File', 'Directory', 'SymbolicLink'] as const) {
      const archive = withHeader([{ path: 'x', type, ...(type === 'SymbolicLink' && { linkPath: 'y' }) }], (header) => {
        // 2^32, as tar writes what is more than octal digits hold.
        header.set([0x80, 0, 0, 1, 0, 0, 0, 0], UID_OFFSET);
      });
      const applied = applyLayer(root, Readable.from([archive]), 'layer');
      await assert.rejects(applied, { code: 'SERVICE_MALFORMED_INPUT', message: /"\/x".*ERR_OUT_OF_RANGE/ }, type);
    }
  });

  it('refuses names that are not UTF-8, of which two could become one', async (t) => {
    const root = await temporaryDirectory(t);
    const inLatin1 = withHeader([{ path: 'caf_' }], (header) => {
      header[3] = 0xe9;
    });
    const applied = applyLayer(root, Readable.from([inLatin1]), 'layer');
    await assert.rejects(applied, { code: 'SERVICE_MALFORMED_INPUT', message: /not UTF-8/ });
  });

  it('stops at the entry limit in an archive of countless tiny entries', async (t) => {
    const root = await temporaryDirectory(t);
    const one = tarOf([{ path: 'tiny' }]).subarray(0, 512);
    let read = 0;
    async function* endless() {
      for (;;) {
        read++;
        yield Buffer.concat([one, one, one, one]);
      }
    }
    await assert.rejects(applyLayer(root, endless(), 'layer', { maxEntries: 100 }), { code: 'SERVICE_LIMIT_EXCEEDED' });
    assert.ok(read < 100, `${read} chunks of 4 entries were read`);
  });

  it('ends between two entries when it is told to', async (t) => {
    const root = await temporaryDirectory(t);
    const controller = new AbortController();
    async function* endless() {
      for (let at = 0; ; at++) {
        yield tarOf([{ path: `${at}` }]).subarray(0, 512);
        if (at === 100) controller.abort(new Error('enough'));
      }
    }
    const { signal } = controller;
    await assert.rejects(applyLayer(root, endless(), 'layer', { signal }), { message: 'enough' });
    assert.ok((await filesBelow(root)).length < 1000);
  });
});
