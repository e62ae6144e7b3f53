import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import * as zlib from 'node:zlib';
import fc from 'fast-check';
import { readArchive } from '../../../src/services/rootfs/tar-reader.js';
import { size } from '../../support/full.js';
import { tarOf } from '../../support/tar-archive.js';

const ARCHIVE = tarOf([
  { path: 'a', body: 'alpha' },
  { path: 'empty' },
  { path: `deep/${'x'.repeat(200)}`, body: 'long name' },
  { path: 'd/', type: 'Directory' },
  { path: 'l', type: 'SymbolicLink', linkPath: 'a' },
]);

function chunked(bytes: Uint8Array, chunkBytes: number): Readable {
  const chunks: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; start += chunkBytes) chunks.push(bytes.subarray(start, start + chunkBytes));
  return Readable.from(chunks);
}

async function readAll(bytes: Uint8Array, limits = {}, chunkBytes = 1 << 16): Promise<[string, string, string][]> {
  const entries: [string, string, string][] = [];
  for await (const entry of readArchive(chunked(bytes, chunkBytes), 'test.tar', limits)) {
    entries.push([entry.path, entry.type, String(await buffer(entry.body))]);
  }
  return entries;
}

describe('archive reader', () => {
  const expected = [
    ['a', 'File', 'alpha'],
    ['empty', 'File', ''],
    [`deep/${'x'.repeat(200)}`, 'File', 'long name'],
    ['d/', 'Directory', ''],
    ['l', 'SymbolicLink', ''],
  ];

  for (const chunkBytes of [1, 3, 511, 512, 513, 4096]) {
    it(`reads the same entries from chunks of ${chunkBytes} bytes, plain and compressed`, async () => {
      assert.deepEqual(await readAll(ARCHIVE, {}, chunkBytes), expected);
      assert.deepEqual(await readAll(zlib.gzipSync(ARCHIVE), {}, chunkBytes), expected);
    });
  }

  it('reads zstd where Node has it, and says what to do where it has not', async () => {
    const { zstdCompressSync } = zlib as { zstdCompressSync?: (bytes: Uint8Array) => Buffer };
    if (zstdCompressSync) assert.deepEqual(await readAll(zstdCompressSync(ARCHIVE)), expected);
    else {
      const zstd = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0, 0]);
      await assert.rejects(readAll(zstd), { code: 'SERVICE_UNSUPPORTED', message: /Node 22\.15/ });
    }
  });

  it('skips what is not read, whole bodies and rests of them', async () => {
    const archive = tarOf([
      { path: 'skipped', body: randomBytes(300_000) },
      { path: 'begun', body: randomBytes(300_000) },
      { path: 'read', body: 'content' },
    ]);
    const paths: string[] = [];
    for await (const entry of readArchive(chunked(archive, 10_000), 'test.tar')) {
      paths.push(entry.path);
      if (entry.path === 'begun') for await (const _ of entry.body) break;
      if (entry.path === 'read') assert.equal(String(await buffer(entry.body)), 'content');
    }
    assert.deepEqual(paths, ['skipped', 'begun', 'read']);
  });

  it('stops reading the source when the reader stops', async () => {
    let closed = false;
    async function* endless() {
      try {
        yield ARCHIVE.subarray(0, 1024);
        for (;;) yield Buffer.concat([ARCHIVE.subarray(0, 1024)]);
      } finally {
        closed = true;
      }
    }
    for await (const entry of readArchive(endless(), 'endless')) {
      assert.equal(entry.path, 'a');
      break;
    }
    assert.equal(closed, true);
  });

  it('shows all bytes of the decompressed archive, also those behind its end mark', async () => {
    const whole = Buffer.concat([ARCHIVE, Buffer.alloc(100_000, 1)]);
    const seen: Buffer[] = [];
    const archive = readArchive(chunked(zlib.gzipSync(whole), 1000), 'test.tar', {}, (chunk) => seen.push(chunk));
    for await (const _ of archive);
    assert.deepEqual(Buffer.concat(seen), whole);
  });

  it('reads an archive that lacks only its last padding, and none that lacks a byte of content', async () => {
    const archive = tarOf([{ path: 'a', body: 'x'.repeat(600) }]);
    for (const chunkBytes of [1, 512, 4096]) {
      for (const length of [512 + 600, 512 + 601, 512 + 1024]) {
        assert.deepEqual(await readAll(archive.subarray(0, length), {}, chunkBytes), [['a', 'File', 'x'.repeat(600)]]);
      }
      for (const length of [513, 512 + 511, 512 + 512, 512 + 599]) {
        await assert.rejects(readAll(archive.subarray(0, length), {}, chunkBytes), { code: 'SERVICE_MALFORMED_INPUT' });
      }
    }
  });

  const flipped = Buffer.from(ARCHIVE);
  flipped[0]! ^= 1;
  const unknownType = Buffer.from(ARCHIVE);
  unknownType[156] = 'Z'.charCodeAt(0);
  let sum = 8 * 32;
  for (let at = 0; at < 512; at++) if (at < 148 || at >= 156) sum += unknownType[at]!;
  unknownType.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const gzip = zlib.gzipSync(ARCHIVE);

  for (const [name, bytes, limits, code] of [
    ['no bytes', Buffer.alloc(0), {}, 'SERVICE_MALFORMED_INPUT'],
    ['random bytes', Buffer.alloc(2048, 'ringcast'), {}, 'SERVICE_MALFORMED_INPUT'],
    ['a damaged header', flipped, {}, 'SERVICE_MALFORMED_INPUT'],
    ['an unknown entry type', unknownType, {}, 'SERVICE_MALFORMED_INPUT'],
    ['an archive cut in a body', ARCHIVE.subarray(0, 514), {}, 'SERVICE_MALFORMED_INPUT'],
    ['a truncated gzip', gzip.subarray(0, gzip.length - 10), {}, 'SERVICE_MALFORMED_INPUT'],
    [
      'a damaged gzip',
      Buffer.concat([gzip.subarray(0, 40), Buffer.alloc(40), gzip.subarray(80)]),
      {},
      'SERVICE_MALFORMED_INPUT',
    ],
    ['gzip in gzip', zlib.gzipSync(gzip), {}, 'SERVICE_MALFORMED_INPUT'],
    ['more entries than allowed', ARCHIVE, { maxEntries: 4 }, 'SERVICE_LIMIT_EXCEEDED'],
    ['more bytes than allowed', gzip, { maxUncompressedBytes: 1024 }, 'SERVICE_LIMIT_EXCEEDED'],
  ] as const) {
    it(`refuses ${name}`, async () => {
      await assert.rejects(readAll(bytes, limits), (error: Error & { code?: string }) => {
        assert.equal(error.code, code);
        assert.match(error.message, /test\.tar/);
        return true;
      });
    });
  }

  it('refuses a decompression bomb early, in little memory', async () => {
    const bomb = zlib.gzipSync(tarOf([{ path: 'zeros', body: Buffer.alloc(64 << 20) }]));
    let seen = 0;
    const archive = readArchive(chunked(bomb, 1 << 14), 'bomb', { maxUncompressedBytes: 1 << 20 }, (chunk) => {
      seen += chunk.length;
    });
    await assert.rejects(
      async () => {
        for await (const entry of archive) for await (const _ of entry.body);
      },
      { code: 'SERVICE_LIMIT_EXCEEDED' },
    );
    assert.ok(seen <= 1 << 20, `${seen} bytes passed`);
  });

  it('fails at once, also where its source waits for more', { timeout: 600_000 }, async (t) => {
    // What the source waits for; without it Node would see that nothing can come.
    const alive = setInterval(() => {}, 1000);
    t.after(() => clearInterval(alive));
    async function* hanging() {
      yield ARCHIVE.subarray(0, 2048);
      await new Promise(() => {});
    }
    await assert.rejects(
      async () => {
        for await (const _ of readArchive(hanging(), 'test.tar', { maxEntries: 1 }));
      },
      { code: 'SERVICE_LIMIT_EXCEEDED' },
    );
  });

  it('does not collect what follows the end mark', async () => {
    const zeros = Buffer.alloc(64 << 10);
    async function* archive() {
      yield ARCHIVE;
      for (let chunk = 0; chunk < 512; chunk++) yield zeros;
    }
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    const measure = () => {
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    };
    for await (const _ of readArchive(archive(), 'test.tar', {}, measure));
    assert.ok(most < 8 << 20, `${most} bytes held for 32 MiB behind the end mark`);
  });

  it('refuses an extended header too large to hold', async () => {
    const archive = tarOf([{ path: 'x'.repeat(2 << 20), body: 'never reached' }]);
    await assert.rejects(readAll(archive), { code: 'SERVICE_MALFORMED_INPUT', message: /extended header/ });
  });

  it('passes on what its source throws', async () => {
    async function* failing() {
      yield ARCHIVE.subarray(0, 600);
      throw new Error('connection lost');
    }
    await assert.rejects(async () => {
      for await (const entry of readArchive(failing(), 'test.tar')) await buffer(entry.body);
    }, /connection lost/);
  });

  it('ends with an entry list or one of its own errors, whatever the bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(ARCHIVE.length - 1), fc.nat(255), fc.boolean(), async (at, value, compressed) => {
        const bytes = Buffer.from(compressed ? gzip : ARCHIVE);
        bytes[at % bytes.length] = value;
        try {
          await readAll(bytes, { maxUncompressedBytes: 1 << 20 });
        } catch (error) {
          assert.match((error as { code?: string }).code ?? String(error), /^SERVICE_/);
        }
      }),
      { numRuns: size(150, 500), seed: 6 },
    );
  });
});
