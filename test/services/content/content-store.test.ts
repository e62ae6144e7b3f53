import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { runWithEmitter } from '../../../src/index.js';
import { ContentStore } from '../../../src/services/content/content-store.js';
import { digestOf } from '../../../src/services/content/digest.js';
import { topicsOf, withCapturedEvents } from '../../support/captured-events.js';
import { filesBelow, temporaryDirectory } from '../../support/temporary-directory.js';

const HELLO = Buffer.from('hello');
const HELLO_DIGEST = 'sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';

describe('content store', () => {
  it('stores bytes under their digest and emits one event with digest, size and media type', async (t) => {
    const directory = await temporaryDirectory(t);
    await withCapturedEvents(async (events) => {
      const store = await ContentStore.open(directory);
      const content = await store.write(HELLO, { mediaType: 'text/plain' });
      assert.deepEqual(content, { digest: HELLO_DIGEST, sizeBytes: 5 });
      assert.deepEqual(await buffer(await store.read(HELLO_DIGEST)), HELLO);
      assert.deepEqual(events, [
        {
          topic: '/service/content/write',
          type: 'ContentCreate',
          event: { digest: HELLO_DIGEST, size: 5n, mediaType: 'text/plain' },
        },
      ]);
    });
  });

  it('has the content on disk when the event is emitted', async (t) => {
    const directory = await temporaryDirectory(t);
    const store = await ContentStore.open(directory);
    const seen: Promise<boolean>[] = [];
    const emitter = {
      emit() {
        seen.push(store.has(HELLO_DIGEST));
        return true;
      },
    };
    await runWithEmitter(emitter, () => store.write(HELLO));
    assert.deepEqual(await Promise.all(seen), [true]);
  });

  it('stores content although the emitter throws', async (t) => {
    const store = await ContentStore.open(await temporaryDirectory(t));
    const emitter = {
      emit(): boolean {
        throw new Error('the bus is broken');
      },
    };
    await runWithEmitter(emitter, () => store.write(HELLO));
    assert.equal(await store.has(HELLO_DIGEST), true);
  });

  for (const [name, expected, code] of [
    ['a wrong digest', { digest: digestOf('other') }, 'SERVICE_CONTENT_MISMATCH'],
    ['a wrong size', { sizeBytes: 6 }, 'SERVICE_CONTENT_MISMATCH'],
    ['too many bytes', { maxBytes: 4 }, 'SERVICE_LIMIT_EXCEEDED'],
    ['a digest that is none', { digest: 'sha256:../../etc/passwd' as 'sha256:' }, 'SERVICE_INVALID_ARGUMENT'],
  ] as const) {
    it(`refuses ${name} and leaves nothing behind`, async (t) => {
      const directory = await temporaryDirectory(t);
      const store = await ContentStore.open(directory);
      await withCapturedEvents(async (events) => {
        await assert.rejects(store.write(Readable.from([HELLO]), expected), { code });
        assert.deepEqual(events, []);
      });
      assert.deepEqual(await filesBelow(directory), []);
    });
  }

  it('leaves nothing behind when the source fails', async (t) => {
    const directory = await temporaryDirectory(t);
    const store = await ContentStore.open(directory);
    async function* failing() {
      yield HELLO;
      throw new Error('connection lost');
    }
    await assert.rejects(store.write(failing()), /connection lost/);
    assert.deepEqual(await filesBelow(directory), []);
  });

  it('emits once for many concurrent writers of the same content', async (t) => {
    const directory = await temporaryDirectory(t);
    const store = await ContentStore.open(directory);
    await withCapturedEvents(async (events) => {
      await Promise.all(Array.from({ length: 20 }, () => store.write(HELLO)));
      assert.deepEqual(topicsOf(events), ['/service/content/write']);
    });
    assert.deepEqual(await filesBelow(directory), [`blobs/sha256/${HELLO_DIGEST.slice(7)}`]);
  });

  it('resumes an ingest by its ref, also in another store instance', async (t) => {
    const directory = await temporaryDirectory(t);
    const first = await (await ContentStore.open(directory)).ingest({ ref: 'layer/1' });
    await first.write(HELLO.subarray(0, 2));
    await first.close();
    const store = await ContentStore.open(directory);
    assert.deepEqual(await store.ingests(), [{ ref: 'layer/1', sizeBytes: 2 }]);
    const second = await store.ingest({ ref: 'layer/1' });
    assert.equal(second.sizeBytes, 2);
    await second.write(HELLO.subarray(second.sizeBytes));
    assert.equal((await second.commit({ digest: HELLO_DIGEST })).digest, HELLO_DIGEST);
    assert.deepEqual(await store.ingests(), []);
  });

  it('removes an aborted ingest, and refuses a second writer of one ref', async (t) => {
    const directory = await temporaryDirectory(t);
    const store = await ContentStore.open(directory);
    const ingest = await store.ingest({ ref: 'one' });
    await ingest.write(HELLO);
    await assert.rejects(store.ingest({ ref: 'one' }), { code: 'SERVICE_IN_USE' });
    await ingest.abort();
    assert.deepEqual(await filesBelow(directory), []);
    await assert.rejects(ingest.write(HELLO), { code: 'SERVICE_WRONG_STATE' });
    await (await store.ingest({ ref: 'one' })).abort();
  });

  it('has what its digest says, also where writes were not awaited', async (t) => {
    const store = await ContentStore.open(await temporaryDirectory(t));
    const ingest = await store.ingest();
    const chunks = Array.from({ length: 30 }, (_, at) => Buffer.alloc(20_000 + 1_000 * at, at));
    const writes = chunks.map((chunk) => ingest.write(chunk));
    const { digest } = await ingest.commit();
    await Promise.all(writes);
    assert.equal(digest, digestOf(Buffer.concat(chunks)));
    assert.equal(digestOf(await buffer(await store.read(digest))), digest);
  });

  it('has what its digest says, also where a chunk went to the disk in part', {
    skip: process.platform !== 'linux' && 'limits the size of files as Linux does',
  }, async (t) => {
    const directory = await temporaryDirectory(t);
    // A file that may not grow beyond 64 blocks takes the first part of the chunk, as a full disk does.
    const program = `
      import { ContentStore } from ${JSON.stringify(new URL('../../../src/services/content/content-store.js', import.meta.url).href)};
      const store = await ContentStore.open(${JSON.stringify(directory)});
      const ingest = await store.ingest();
      await ingest.write(Buffer.alloc(1000, 'a'));
      const refused = await ingest.write(Buffer.alloc(1 << 20, 'b')).catch(({ code }) => code);
      await ingest.write(Buffer.alloc(1000, 'c'));
      const { digest, sizeBytes } = await ingest.commit();
      console.log(JSON.stringify({ refused, digest, sizeBytes }));`;
    const { stdout } = await promisify(execFile)('sh', [
      '-c',
      'ulimit -f 64; exec "$0" --input-type=module --eval "$1"',
      process.execPath,
      program,
    ]);
    const { refused, digest, sizeBytes } = JSON.parse(stdout);
    const expected = Buffer.concat([Buffer.alloc(1000, 'a'), Buffer.alloc(1000, 'c')]);
    assert.deepEqual({ refused, digest, sizeBytes }, { refused: 'EFBIG', digest: digestOf(expected), sizeBytes: 2000 });
    const store = await ContentStore.open(directory);
    assert.deepEqual(await buffer(await store.read(digest)), expected);
  });

  it('refuses a second commit', async (t) => {
    const store = await ContentStore.open(await temporaryDirectory(t));
    const ingest = await store.ingest();
    await ingest.write(HELLO);
    const [first, second] = await Promise.allSettled([ingest.commit(), ingest.commit()]);
    assert.equal(first.status, 'fulfilled');
    assert.equal(second.status === 'rejected' && second.reason.code, 'SERVICE_WRONG_STATE');
  });

  for (const ref of ['', 'a b', 'é', '\ud800', 'x'.repeat(256)]) {
    it(`refuses the ref ${JSON.stringify(ref.slice(0, 8))}`, async (t) => {
      const store = await ContentStore.open(await temporaryDirectory(t));
      await assert.rejects(store.ingest({ ref }), { code: 'SERVICE_INVALID_ARGUMENT' });
    });
  }

  it('keeps a ref with dots and slashes inside its folder', async (t) => {
    const directory = await temporaryDirectory(t);
    const store = await ContentStore.open(join(directory, 'store'));
    await (await store.ingest({ ref: '../../escape' })).close();
    assert.deepEqual(await readdir(directory), ['store']);
    assert.deepEqual(await store.ingests(), [{ ref: '../../escape', sizeBytes: 0 }]);
  });

  it('deletes content once, and emits in the order of the changes', async (t) => {
    const directory = await temporaryDirectory(t);
    const store = await ContentStore.open(directory);
    await withCapturedEvents(async (events) => {
      await store.write(HELLO);
      const deletions = await Promise.allSettled([store.delete(HELLO_DIGEST), store.delete(HELLO_DIGEST)]);
      assert.deepEqual(deletions.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
      assert.deepEqual(topicsOf(events), ['/service/content/write', '/service/content/delete']);
    });
    await assert.rejects(store.read(HELLO_DIGEST), { code: 'SERVICE_NOT_FOUND' });
    assert.deepEqual(await filesBelow(directory), []);
  });

  it('lists what it has and nothing that merely lies there', async (t) => {
    const directory = await temporaryDirectory(t);
    const store = await ContentStore.open(directory);
    await store.write(HELLO);
    await writeFile(join(directory, 'blobs/sha256/README'), 'not content');
    const listed = [];
    for await (const content of store.list()) listed.push(content);
    assert.deepEqual(listed, [{ digest: HELLO_DIGEST, sizeBytes: 5 }]);
  });

  it('removes at open what a dead process left half-written, and not what a living one is writing', async (t) => {
    const directory = await temporaryDirectory(t);
    await ContentStore.open(directory);
    // The largest process id Linux can be configured to give is 2^22.
    await writeFile(join(directory, 'ingest/.tmp-99999999-x-0'), 'left');
    await writeFile(join(directory, `ingest/.tmp-${process.pid}-x-0`), 'under way');
    await ContentStore.open(directory);
    assert.deepEqual(await filesBelow(directory), [`ingest/.tmp-${process.pid}-x-0`]);
  });

  it('notices damage on the disk when it reads small content', async (t) => {
    const directory = await temporaryDirectory(t);
    const store = await ContentStore.open(directory);
    await store.write(HELLO);
    await writeFile(join(directory, 'blobs/sha256', HELLO_DIGEST.slice(7)), 'jello');
    await assert.rejects(store.readBytes(HELLO_DIGEST, 10), { code: 'SERVICE_CONTENT_MISMATCH' });
    await assert.rejects(store.readBytes(HELLO_DIGEST, 4), { code: 'SERVICE_LIMIT_EXCEEDED' });
  });

  it('gives any bytes in any chunks back, under the digest of the whole', async (t) => {
    const store = await ContentStore.open(await temporaryDirectory(t));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 10 }), async (chunks) => {
        const whole = Buffer.concat(chunks);
        const { digest, sizeBytes } = await store.write(Readable.from(chunks));
        assert.equal(digest, digestOf(whole));
        assert.equal(sizeBytes, whole.length);
        assert.deepEqual(await buffer(await store.read(digest)), whole);
      }),
      { numRuns: 30, seed: 6 },
    );
  });
});
