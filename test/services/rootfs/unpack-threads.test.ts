/** Layers unpacked in threads: the same files, events and errors as on the calling thread, in the same order. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import {
  type Bus,
  createBus,
  type DisconnectReport,
  type Emitter,
  emit,
  hostBus,
  runWithEmitter,
  withNamespace,
} from '../../../src/index.js';
import {
  ContentMismatchError,
  digestOf,
  type Layer,
  LimitExceededError,
  MalformedInputError,
  openServices,
  ServiceError,
  type Services,
  UnsafeEntryError,
} from '../../../src/services/index.js';
import { closeDelivered, LARGE_TEXT, Latch, range, turn, until } from '../../support/bus-scene.js';
import { topicsOf, withCapturedEvents } from '../../support/captured-events.js';
import { type TarInput, tarOf } from '../../support/tar-archive.js';
import { filesBelow, temporaryDirectory } from '../../support/temporary-directory.js';

const run = promisify(execFile);
const RING_BYTES = 256 * 1024;
/** The published file: its threads are what users have. */
const SERVICES = new URL('../../../lib/services.js', import.meta.url).href;

async function open(t: TestContext, unpackThreads = 1): Promise<{ services: Services; directory: string }> {
  const directory = await temporaryDirectory(t);
  return { services: await openServices({ directory, unpackThreads }), directory };
}

async function addLayer({ content }: Services, archive: Buffer): Promise<Layer> {
  const { digest } = await content.write(archive);
  return { digest, diffId: digestOf(archive) };
}

const layerOf = (services: Services, entries: readonly TarInput[]): Promise<Layer> =>
  addLayer(services, tarOf(entries));

const threeLayers = (services: Services): Promise<Layer[]> =>
  Promise.all(range(3).map((n) => layerOf(services, [{ path: `file-${n}`, body: `${n}` }])));

/** Unpacks between two events of the caller, and returns what came of it: topic and namespace, in the order of the bus. */
async function between(services: Services, emitter: Emitter): Promise<void> {
  const layers = await threeLayers(services);
  await runWithEmitter(emitter, () =>
    withNamespace('k8s.io', async () => {
      emit('/before', 0);
      const parent = await services.unpacker.unpack(layers);
      emit('/after', 0);
      const { path } = await services.snapshotter.prepare('use', parent);
      assert.deepEqual((await readdir(path)).sort(), ['file-0', 'file-1', 'file-2']);
      assert.equal(await readFile(join(path, 'file-2'), 'utf8'), '2');
    }),
  );
}

const IN_ORDER = ['before', ...range(3).flatMap(() => ['prepare', 'commit']), 'after', 'prepare'];

describe('layers that are unpacked in threads', () => {
  it('tell of their commits from there, between what the caller emits before and after, in its namespace', async (t) => {
    const { services } = await open(t);
    const bus = createBus();
    const ends: DisconnectReport[] = [];
    bus.on('disconnect', (report) => ends.push(report));
    const got: string[] = [];
    bus.subscribe('/**', ({ topic, namespace }) => void got.push(`${namespace} ${topic.split('/').at(-1)}`));
    await between(services, bus.emitter());
    assert.deepEqual(bus.stats().connections, []);
    await services.close();
    await closeDelivered(bus);
    assert.deepEqual(
      got,
      IN_ORDER.map((name) => `k8s.io ${name}`),
    );
    assert.deepEqual(
      ends.map(({ name, reason, lost }) => [name.split('-')[0], reason, lost]),
      range(3).map(() => ['unpack', 'closed', 0]),
    );
  });

  it('do so where the caller has a connection itself', async (t) => {
    const { services } = await open(t);
    const bus = await hostBus();
    const got: string[] = [];
    await bus.subscribe('/**', ({ topic }) => void got.push(topic.split('/').at(-1)!)).ready;
    await between(services, bus.emitter());
    await services.close();
    await bus.close({ drainTimeoutMs: Number.POSITIVE_INFINITY });
    assert.deepEqual(got, IN_ORDER);
  });

  for (const [where, openBus] of [
    ['owns the bus', () => createBus({ capacityBytes: RING_BYTES })],
    ['has a connection', () => hostBus({ capacityBytes: RING_BYTES })],
  ] as const) {
    it(`tell of their commits in order while events wait for room, where the caller ${where}`, async (t) => {
      const { services } = await open(t);
      const bus = await openBus();
      const held = new Latch();
      const got: string[] = [];
      const holds = bus.subscribe('/**', async ({ topic }) => {
        await held.opened;
        got.push(topic);
      });
      await holds.ready;
      const layer = await layerOf(services, [{ path: 'a' }]);
      // Starts the thread, and tells nobody.
      await services.unpacker.unpack([await layerOf(services, [{ path: 'first' }])]);
      // Ring and uplink are full, and many more wait on the heap.
      while (bus.publish('/before', LARGE_TEXT));
      for (let more = 0; more < 100; more++) bus.publish('/before', LARGE_TEXT);
      const unpacked = runWithEmitter(bus.emitter(), () => services.unpacker.unpack([layer])).then(() =>
        bus.publish('/after', 0),
      );
      // Time enough for a thread that would not wait.
      await setTimeout(500);
      held.open();
      await unpacked;
      await services.close();
      await bus.close({ drainTimeoutMs: Number.POSITIVE_INFINITY });
      assert.deepEqual([...new Set(got)], ['/before', '/service/rootfs/prepare', '/service/rootfs/commit', '/after']);
      assert.equal(got.lastIndexOf('/before'), got.length - 4);
    });
  }

  it('are told of by the caller where its emitter is not that of an open bus', async (t) => {
    const { services } = await open(t);
    await withCapturedEvents(async (events) => {
      await services.unpacker.unpack([await layerOf(services, [{ path: 'a' }])]);
      assert.deepEqual(topicsOf(events).slice(1), ['/service/rootfs/prepare', '/service/rootfs/commit']);
    });
    const bus: Bus = createBus();
    const emitter = bus.emitter();
    const codes: unknown[] = [];
    bus.on('error', (error: Error & { code?: string }) => codes.push(error.code));
    await bus.close();
    await runWithEmitter(emitter, async () => services.unpacker.unpack([await layerOf(services, [{ path: 'b' }])]));
    // Content, prepare, commit: each is reported, and fails nothing.
    assert.deepEqual(codes, ['BUS_CLOSED', 'BUS_CLOSED', 'BUS_CLOSED']);
    await services.close();
  });

  it('fail with the errors that they fail with on the calling thread, and leave nothing', async (t) => {
    const { services, directory } = await open(t);
    const outside: TarInput[] = [{ path: '../outside', body: 'x' }];
    const long: TarInput[] = [{ path: 'x'.repeat(300), body: 'x' }];
    const good = await layerOf(services, [{ path: 'a' }]);
    const damaged = Buffer.from(tarOf([{ path: 'a', body: 'x' }]));
    damaged[10] = 1;
    const faults: [Layer, new (...args: never) => ServiceError, string, object][] = [
      [await layerOf(services, outside), UnsafeEntryError, 'SERVICE_UNSAFE_ENTRY', { entry: '../outside' }],
      [await layerOf(services, long), MalformedInputError, 'SERVICE_MALFORMED_INPUT', {}],
      [await addLayer(services, damaged), MalformedInputError, 'SERVICE_MALFORMED_INPUT', {}],
      [
        { ...good, diffId: digestOf(damaged) },
        ContentMismatchError,
        'SERVICE_CONTENT_MISMATCH',
        { field: 'diff id', expected: digestOf(damaged), actual: good.diffId },
      ],
    ];
    for (const [layer, Class, code, fields] of faults) {
      const error: ServiceError = await services.unpacker.unpack([layer]).then(assert.fail, (error) => error);
      assert.ok(error instanceof Class && error instanceof ServiceError && error instanceof Error, code);
      assert.equal(error.code, code);
      assert.equal(error.name, Class.name);
      assert.match(error.stack!, /Error: .*\n +at /);
      assert.deepEqual({ ...error, ...fields }, { ...error });
    }
    const { cause } = await services.unpacker.unpack([faults[1]![0]]).then(assert.fail, (error) => error);
    assert.deepEqual([cause.code, cause.syscall, cause instanceof Error], ['ENAMETOOLONG', 'lstat', true]);
    assert.deepEqual(services.snapshotter.list(), []);
    assert.deepEqual(await filesBelow(join(directory, 'rootfs')), []);
    await services.close();
  });

  it('have the limits that the services were given', async (t) => {
    const directory = await temporaryDirectory(t);
    const services = await openServices({ directory, unpackThreads: 1, layers: { maxEntries: 2 } });
    const layer = await layerOf(
      services,
      range(3).map((n) => ({ path: `${n}` })),
    );
    await assert.rejects(services.unpacker.unpack([layer]), (error: LimitExceededError) => {
      assert.ok(error instanceof LimitExceededError);
      assert.deepEqual([error.limit, error.maximum], ['maxEntries', 2]);
      return true;
    });
    await services.close();
    for (const unpackThreads of [-1, 0.5, 65, '1' as never]) {
      const opened = openServices({ directory, unpackThreads });
      await assert.rejects(opened, { code: 'SERVICE_INVALID_ARGUMENT' });
    }
  });

  it('end by a signal, with its reason: at once where no thread has begun, else between two entries', async (t) => {
    const { services, directory } = await open(t);
    const entries = range(200).map((n): TarInput => ({ path: `file-${n}`, body: 'x' }));
    const archive = tarOf(entries);
    const slow = await addLayer(services, archive);
    const next = await layerOf(services, [{ path: 'next' }]);
    // The layer comes through a pipe, so that its unpacking is under way for as long as this test likes.
    const blob = await services.content.path(slow.digest);
    await rm(blob);
    execFileSync('mkfifo', [blob]);
    const [first, second] = [new AbortController(), new AbortController()];
    const unpacking = services.unpacker.unpack([slow], first.signal);
    const pipe = createWriteStream(blob);
    pipe.write(archive.subarray(0, archive.length / 2));
    const snapshots = join(directory, 'rootfs/snapshots');
    while (!(await filesBelow(snapshots)).some((file) => file.endsWith('file-50'))) await setTimeout(5);
    // The only thread is busy.
    const waiting = services.unpacker.unpack([next], second.signal);
    await until(() => services.snapshotter.list().length === 2);
    await turn();
    second.abort('not needed any more');
    await assert.rejects(waiting, (reason) => reason === 'not needed any more');
    first.abort();
    pipe.end(archive.subarray(archive.length / 2));
    await assert.rejects(unpacking, { name: 'AbortError' });
    await assert.rejects(services.unpacker.unpack([next], AbortSignal.abort('never')), (reason) => reason === 'never');
    assert.deepEqual(services.snapshotter.list(), []);
    // The thread goes on.
    assert.equal(await services.unpacker.unpack([next]), next.diffId);
    await services.close();
  });

  it('are finished before the services are closed, which refuse more; then the process ends', async (t) => {
    const directory = await temporaryDirectory(t);
    const archives = range(4).map((n) => tarOf([{ path: `file-${n}` }]).toString('base64'));
    const script = `
      import { openServices, digestOf } from ${JSON.stringify(SERVICES)};
      const services = await openServices({ directory: ${JSON.stringify(directory)}, unpackThreads: 2 });
      const layers = [];
      for (const archive of ${JSON.stringify(archives)}.map((text) => Buffer.from(text, 'base64'))) {
        layers.push({ digest: (await services.content.write(archive)).digest, diffId: digestOf(archive) });
      }
      const unpacked = Promise.allSettled(layers.map((layer) => services.unpacker.unpack([layer])));
      // Some have a thread, or wait for one.
      while (services.snapshotter.list().length < 4) await new Promise(setImmediate);
      await services.close();
      for (const { status, reason } of await unpacked) console.log(status === 'fulfilled' ? 'done' : reason.code);`;
    await writeFile(join(directory, 'script.mjs'), script);
    const { stdout, stderr } = await run(process.execPath, [join(directory, 'script.mjs')]);
    assert.match(stdout, /^((done|SERVICE_WRONG_STATE)\n){4}$/);
    assert.equal(stderr, '');
  });

  for (const [when, dies] of [
    ['in the middle of the layer', 'fs.symlinkSync = () => process.exit(7); syncBuiltinESMExports();'],
    ['before it is up', "if (!fs.existsSync('died')) { fs.writeFileSync('died', ''); process.exit(7); }"],
    [
      'before it is up, by an error',
      "if (!fs.existsSync('died')) { fs.writeFileSync('died', ''); throw new Error(); }",
    ],
  ]) {
    it(`fail with a code when their thread ends ${when}, and leave nothing; the next has another thread`, async (t) => {
      const directory = await temporaryDirectory(t);
      const preload = `
        import fs from 'node:fs';
        import { syncBuiltinESMExports } from 'node:module';
        import { isMainThread } from 'node:worker_threads';
        if (!isMainThread) { ${dies} }`;
      const link: TarInput = { path: 'link', type: 'SymbolicLink', linkPath: 'file' };
      const archives = [link, { path: 'file' }].map((entry) => tarOf([entry]).toString('base64'));
      const script = `
        import { openServices, digestOf } from ${JSON.stringify(SERVICES)};
        const services = await openServices({ directory: 'state', unpackThreads: 1 });
        for (const archive of ${JSON.stringify(archives)}.map((text) => Buffer.from(text, 'base64'))) {
          const { digest } = await services.content.write(archive);
          await services.unpacker.unpack([{ digest, diffId: digestOf(archive) }]).then(
            () => console.log('unpacked'),
            ({ code, cause }) => console.log(code, cause instanceof Error, services.snapshotter.list().length),
          );
        }
        await services.close();`;
      await writeFile(join(directory, 'preload.mjs'), preload);
      await writeFile(join(directory, 'script.mjs'), script);
      const { stdout } = await run(process.execPath, ['--import', './preload.mjs', 'script.mjs'], { cwd: directory });
      assert.equal(stdout, 'SERVICE_THREAD_ENDED true 0\nunpacked\n');
    });
  }
});
