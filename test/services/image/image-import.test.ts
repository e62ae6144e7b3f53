import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, it, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { ContentStore } from '../../../src/services/content/content-store.js';
import { digestOf } from '../../../src/services/content/digest.js';
import { buildImageArchive } from '../../../src/services/image/image-archive.js';
import { resolveImage } from '../../../src/services/image/image-graph.js';
import { ImageImporter, type ImportOptions } from '../../../src/services/image/image-import.js';
import { ImageStore } from '../../../src/services/image/image-store.js';
import { Snapshotter } from '../../../src/services/rootfs/snapshotter.js';
import { readArchive } from '../../../src/services/rootfs/tar-reader.js';
import { Unpacker } from '../../../src/services/rootfs/unpacker.js';
import { topicsOf, withCapturedEvents } from '../../support/captured-events.js';
import { size } from '../../support/full.js';
import { type TarInput, tarOf } from '../../support/tar-archive.js';
import { filesBelow, temporaryDirectory } from '../../support/temporary-directory.js';

const GOOD = await buildImageArchive({
  name: 'example.test/good:1',
  files: [{ path: 'hello', body: 'world' }],
  command: ['/hello'],
  environment: ['A=b'],
});
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';

async function entriesOf(archive: Buffer): Promise<(TarInput & { body: Buffer })[]> {
  const entries = [];
  for await (const entry of readArchive(Readable.from([archive]), 'test')) {
    entries.push({ path: entry.path, body: await buffer(entry.body) });
  }
  return entries;
}

async function open(t: TestContext) {
  const directory = await temporaryDirectory(t);
  const content = await ContentStore.open(join(directory, 'content'));
  const images = await ImageStore.open(join(directory, 'images'));
  const importer = new ImageImporter(content, images);
  const importBytes = (bytes: Buffer, options?: ImportOptions) =>
    importer.importArchive(Readable.from([bytes]), options);
  return { directory, content, images, importer, importBytes };
}

function indexOf(...manifests: object[]): TarInput {
  return { path: 'index.json', body: JSON.stringify({ schemaVersion: 2, manifests }) };
}

function blob(body: Buffer | object): TarInput & { digest: string; size: number } {
  const bytes = body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body));
  const digest = digestOf(bytes);
  return { path: `blobs/sha256/${digest.slice(7)}`, body: bytes, digest, size: bytes.length };
}

describe('image import', () => {
  it('commits layers, configuration and manifest, then registers the name', async (t) => {
    const { content, images, importBytes } = await open(t);
    await withCapturedEvents(async (events) => {
      const [image] = await importBytes(GOOD);
      assert.equal(image?.name, 'example.test/good:1');
      assert.deepEqual(images.list(), [image]);
      assert.deepEqual(topicsOf(events), [
        '/service/content/write',
        '/service/content/write',
        '/service/content/write',
        '/service/image/register',
      ]);
      assert.deepEqual(
        events.slice(0, 3).map(({ event }) => event.mediaType),
        ['application/vnd.oci.image.layer.v1.tar+gzip', 'application/vnd.oci.image.config.v1+json', MANIFEST],
      );
      const resolved = await resolveImage(content, images.get('example.test/good:1').target);
      assert.deepEqual(resolved.config.command, ['/hello']);
      assert.deepEqual(resolved.config.environment, ['A=b']);
      assert.equal(resolved.layers.length, 1);
    });
  });

  it('imports the same archive again without an event', async (t) => {
    const { importBytes } = await open(t);
    const first = await importBytes(GOOD);
    await withCapturedEvents(async (events) => {
      assert.deepEqual(await importBytes(gzipSync(GOOD)), first);
      assert.deepEqual(events, []);
    });
  });

  it('takes the files of an archive in any order, and ignores what it does not know', async (t) => {
    const { importBytes } = await open(t);
    const entries = (await entriesOf(GOOD)).reverse();
    const images = await importBytes(tarOf([{ path: 'manifest.json', body: '[]' }, ...entries, ...entries]));
    assert.equal(images.length, 1);
  });

  it('imports a layout folder', async (t) => {
    const { directory, importer, content } = await open(t);
    const layout = join(directory, 'layout');
    for (const { path, body } of await entriesOf(GOOD)) {
      await mkdir(dirname(join(layout, path)), { recursive: true });
      await writeFile(join(layout, path), body);
    }
    const [image] = await importer.importLayout(layout);
    assert.equal(image?.name, 'example.test/good:1');
    assert.equal(await content.has(image?.target.digest ?? ''), true);
    assert.equal(
      Buffer.compare(await readFile(join(layout, 'index.json')), (await entriesOf(GOOD)).at(-1)?.body ?? Buffer.of()),
      0,
    );
    await assert.rejects(importer.importLayout(directory), { code: 'SERVICE_MALFORMED_INPUT' });
  });

  it('names an image after the file where the layout has only a tag, or nothing', async (t) => {
    const { importBytes } = await open(t);
    const blobs = (await entriesOf(GOOD)).filter(({ path }) => path.startsWith('blobs/'));
    const manifest = blobs.at(-1);
    assert.ok(manifest);
    const target = { mediaType: MANIFEST, digest: `sha256:${manifest.path.slice(-64)}`, size: manifest.body.length };
    const tag = { ...target, annotations: { 'org.opencontainers.image.ref.name': 'v2' } };
    const images = await importBytes(tarOf([indexOf(target, tag), ...blobs]), { baseName: 'disk' });
    assert.deepEqual(
      images.map(({ name }) => name),
      ['disk:latest', 'disk:v2'],
    );
  });

  it('takes this platform from an index whose other platforms are not in the archive', async (t) => {
    const { content, importBytes } = await open(t);
    const blobs = (await entriesOf(GOOD)).filter(({ path }) => path.startsWith('blobs/'));
    const manifest = blobs.at(-1);
    assert.ok(manifest);
    const here = { mediaType: MANIFEST, digest: `sha256:${manifest.path.slice(-64)}`, size: manifest.body.length };
    const foreign = { mediaType: MANIFEST, digest: digestOf('absent'), size: 6 };
    const inner = blob({ manifests: [{ ...foreign, platform: { os: 'plan9', architecture: 'mips' } }, here] });
    const top = { mediaType: INDEX, digest: inner.digest, size: inner.size };
    const [image] = await importBytes(tarOf([indexOf(top), inner, ...blobs]));
    assert.ok(image);
    assert.equal((await resolveImage(content, image.target)).layers.length, 1);
    assert.equal(await content.has(foreign.digest), false);
  });

  const config = blob({ rootfs: { diff_ids: [] } });
  const describeBlob = ({ digest, size }: { digest: string; size: number }, mediaType = 'x') => ({
    digest,
    size,
    mediaType,
  });
  const missingLayer = blob({
    config: describeBlob(config),
    layers: [{ digest: digestOf('x'), size: 1, mediaType: 'x' }],
  });
  const wrongSize = blob({ config: { ...describeBlob(config), size: 1 }, layers: [] });
  const noDescriptor = blob({ config: { digest: 'sha256:../../x' }, layers: [] });
  const text = blob(Buffer.from('text'));
  let nested = blob({ manifests: [] });
  const nestedBlobs = [nested];
  for (let depth = 0; depth < 5; depth++) {
    nested = blob({ manifests: [describeBlob(nested, INDEX)] });
    nestedBlobs.push(nested);
  }

  const hostile: [string, TarInput[], string][] = [
    ['no index', [config], 'SERVICE_MALFORMED_INPUT'],
    ['an index that names nothing', [indexOf()], 'SERVICE_MALFORMED_INPUT'],
    ['an index that is no JSON', [{ path: 'index.json', body: '{' }], 'SERVICE_MALFORMED_INPUT'],
    ['an index that is null', [{ path: 'index.json', body: 'null' }], 'SERVICE_MALFORMED_INPUT'],
    ['a blob that is not what its name says', [{ ...config, body: 'other' }], 'SERVICE_CONTENT_MISMATCH'],
    ['a missing manifest', [indexOf({ digest: digestOf('x'), size: 1, mediaType: MANIFEST })], 'SERVICE_NOT_FOUND'],
    ['a missing layer', [indexOf(describeBlob(missingLayer, MANIFEST)), missingLayer, config], 'SERVICE_NOT_FOUND'],
    ['a wrong size', [indexOf(describeBlob(wrongSize, MANIFEST)), wrongSize, config], 'SERVICE_CONTENT_MISMATCH'],
    [
      'a digest that is a path',
      [indexOf(describeBlob(noDescriptor, MANIFEST)), noDescriptor],
      'SERVICE_MALFORMED_INPUT',
    ],
    ['a manifest that is text', [indexOf(describeBlob(text, MANIFEST)), text], 'SERVICE_MALFORMED_INPUT'],
    ['indexes nested too deep', [indexOf(describeBlob(nested, INDEX)), ...nestedBlobs], 'SERVICE_MALFORMED_INPUT'],
    [
      'a name that is none',
      [indexOf({ ...describeBlob(config, MANIFEST), annotations: { 'io.containerd.image.name': 'a b' } }), config],
      'SERVICE_INVALID_ARGUMENT',
    ],
    ['a path with ".."', [{ path: '../index.json', body: '{}' }], 'SERVICE_UNSAFE_ENTRY'],
    ['an absolute path', [{ path: '/index.json', body: '{}' }], 'SERVICE_UNSAFE_ENTRY'],
    ['a link', [{ path: 'index.json', type: 'SymbolicLink', linkPath: '/etc/passwd' }], 'SERVICE_UNSAFE_ENTRY'],
    ['an index too large to hold', [{ path: 'index.json', body: Buffer.alloc(5 << 20) }], 'SERVICE_LIMIT_EXCEEDED'],
  ];
  for (const [name, entries, code] of hostile) {
    it(`refuses ${name}, commits nothing, emits nothing, leaves nothing`, async (t) => {
      const { directory, importBytes } = await open(t);
      await withCapturedEvents(async (events) => {
        const blobs = (await entriesOf(GOOD)).filter(({ path }) => path.startsWith('blobs/'));
        await assert.rejects(importBytes(tarOf([...blobs, ...entries])), { code });
        assert.deepEqual(events, []);
      });
      assert.deepEqual(await filesBelow(directory), []);
    });
  }

  it('ends with an image that unpacks or with one of its own errors, whatever the bytes, and never writes outside', async (t) => {
    const { directory, content, importBytes } = await open(t);
    const snapshotter = await Snapshotter.open(join(directory, 'rootfs'));
    const unpacker = new Unpacker(content, snapshotter);
    const names = await readdir(directory);
    const plain = await buildImageArchive({ name: 'a/b:1', files: [{ path: 'd/f', body: 'x' }] });
    const changes = fc.array(fc.tuple(fc.nat(plain.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(changes, async (bytes) => {
        const archive = Buffer.from(plain);
        for (const [at, value] of bytes) archive[at] = value;
        try {
          for (const { target } of await importBytes(archive, { maxUncompressedBytes: 1 << 20 })) {
            await unpacker.unpack((await resolveImage(content, target)).layers);
          }
        } catch (error) {
          assert.match((error as { code?: string }).code ?? String(error), /^SERVICE_/);
        }
        assert.deepEqual(await readdir(directory), names);
        assert.deepEqual(await readdir(join(directory, 'content', 'ingest')), []);
      }),
      { numRuns: size(100, 300), seed: 6 },
    );
  });

  it('refuses an archive of countless tiny entries before most of it is read', async (t) => {
    const { directory, importer } = await open(t);
    const one = tarOf([{ path: 'tiny' }]).subarray(0, 512);
    let entries = 0;
    async function* endless() {
      for (;;) {
        entries += 128;
        yield Buffer.concat(Array(128).fill(one));
      }
    }
    await assert.rejects(importer.importArchive(endless()), { code: 'SERVICE_LIMIT_EXCEEDED', message: /20000/ });
    assert.ok(entries < 40_000, `${entries} entries were read`);
    assert.deepEqual(await filesBelow(directory), []);
  });

  it('leaves nothing of a layout whose import is told to end', async (t) => {
    const { directory, importer } = await open(t);
    const layout = await temporaryDirectory(t);
    for (const { path, body } of await entriesOf(GOOD)) {
      await mkdir(dirname(join(layout, path)), { recursive: true });
      await writeFile(join(layout, path), body);
    }
    const signal = AbortSignal.abort(new Error('enough'));
    await assert.rejects(importer.importLayout(layout, { signal }), { message: 'enough' });
    assert.deepEqual(await filesBelow(directory), []);
  });

  it('leaves nothing of an archive that ends early', async (t) => {
    const { directory, importBytes } = await open(t);
    const bytes = gzipSync(GOOD);
    for (const length of [10, bytes.length >> 1, bytes.length - 1]) {
      await assert.rejects(importBytes(bytes.subarray(0, length)), { code: 'SERVICE_MALFORMED_INPUT' });
    }
    assert.deepEqual(await filesBelow(directory), []);
  });
});

describe('image store', () => {
  const target = { mediaType: MANIFEST, digest: digestOf('x'), size: 1 };

  it('emits register, update and remove with name and labels, and nothing for no change', async (t) => {
    const store = await ImageStore.open(await temporaryDirectory(t));
    await withCapturedEvents(async (events) => {
      await store.register('a/b:1', target, { k: 'v' });
      await store.register('a/b:1', target, { k: 'v' });
      await store.register('a/b:1', { ...target, digest: digestOf('y') });
      await store.remove('a/b:1');
      await assert.rejects(store.remove('a/b:1'), { code: 'SERVICE_NOT_FOUND' });
      assert.deepEqual(
        events.map(({ topic, event }) => [topic, event]),
        [
          ['/service/image/register', { name: 'a/b:1', labels: { k: 'v' } }],
          ['/service/image/update', { name: 'a/b:1', labels: {} }],
          ['/service/image/remove', { name: 'a/b:1' }],
        ],
      );
    });
  });

  it('has after a restart what it had, and says which file is damaged', async (t) => {
    const directory = await temporaryDirectory(t);
    const store = await ImageStore.open(directory);
    await Promise.all(['b', 'a', 'c/d:e'].map((name) => store.register(name, target)));
    await store.remove('b');
    await writeFile(join(directory, '.tmp-99999999-x-0'), 'half a file');
    assert.deepEqual((await ImageStore.open(directory)).list(), store.list());
    assert.equal((await filesBelow(directory)).length, 2);
    await writeFile(join(directory, 'x.json'), '{}');
    await assert.rejects(ImageStore.open(directory), { code: 'SERVICE_CORRUPT_STATE', message: /x\.json/ });
  });

  it('ends with the last of concurrent changes, and one register', async (t) => {
    const directory = await temporaryDirectory(t);
    const store = await ImageStore.open(directory);
    await withCapturedEvents(async (events) => {
      const targets = Array.from({ length: 10 }, (_, at) => ({ ...target, digest: digestOf(`${at}`) }));
      await Promise.all(targets.map((each) => store.register('n', each)));
      assert.equal(topicsOf(events).filter((topic) => topic.endsWith('/register')).length, 1);
      assert.equal(events.length, 10);
      assert.equal((await ImageStore.open(directory)).get('n').target.digest, digestOf('9'));
    });
  });

  for (const name of ['', ' ', 'a b', '../a', '-a', 'ä', 'x'.repeat(513)]) {
    it(`refuses the name ${JSON.stringify(name.slice(0, 8))}`, async (t) => {
      const store = await ImageStore.open(await temporaryDirectory(t));
      await assert.rejects(store.register(name, target), { code: 'SERVICE_INVALID_ARGUMENT' });
    });
  }
});
