/** Every entry of the subpaths of the package that takes options, used with options that count how often they are read. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { NatsConnection } from '@nats-io/transport-node';
import { fromContainerd, toContainerd } from '../../src/bridges/containerd/index.js';
import { checkNatsOptions } from '../../src/bridges/nats/nats-options.js';
import { publishTo, serveEvents, TtrpcClient, TtrpcServer } from '../../src/bridges/ttrpc/index.js';
import { createBus } from '../../src/index.js';
import { instrument, instrumentThread } from '../../src/opentelemetry/index.js';
import {
  applyLayer,
  buildImageArchive,
  ContentStore,
  digestOf,
  openServices,
  type Runtime,
  storm,
  Unpacker,
} from '../../src/services/index.js';
import { createTestBus } from '../../src/testing/index.js';
import type { Make } from './fickle-options.js';

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

async function withDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'options-'));
  try {
    await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Runs nothing: each process has exited. */
function idleRuntime(specs: unknown[]): Runtime {
  const run = async (_: unknown, spec?: unknown) => {
    if (spec !== undefined) specs.push(spec);
    return { pid: 1, exited: new Promise<never>(() => {}), kill: async () => {} };
  };
  return {
    name: 'idle',
    create: async (spec) => {
      specs.push(spec);
      return {
        start: () => run(undefined),
        exec: run,
        pause: run,
        resume: run,
        oomKills: async () => 0,
        delete: run,
      } as never;
    },
    discard: async () => {},
  };
}

export const SUBPATH_ENTRIES: Record<string, (make: Make) => Promise<void>> = {
  async 'createTestBus, settled and subscribeInThread'(make) {
    await using bus = createTestBus(make({ namespace: 'n' }));
    const topics: string[] = [];
    await bus.subscribeInThread('/a', ({ topic }) => void topics.push(topic), make({ name: 'm', data: 1 }));
    bus.publish('/a', 1);
    await bus.settled(make({ timeoutMs: 60_000 }));
    assert.deepEqual(topics, ['/a']);
  },
  async 'instrument and instrumentThread'(make) {
    await using bus = createBus();
    const end = instrument(bus, make({ name: 'n', spans: 'sampled' as const, attributes: make({ a: 'b' }) }));
    const endThread = instrumentThread(make({ attributes: make({ a: 'b' }) }));
    bus.subscribe('/a', () => {});
    for (const id of [1, 2]) bus.publish('/a', { id });
    end();
    endThread();
  },
  'serveEvents, publishTo, TtrpcServer and TtrpcClient': (make) =>
    withDirectory(async (directory) => {
      await using bus = createBus();
      const address = join(directory, 's');
      const { signal } = new AbortController();
      const options = { address, mode: 0o600, maxConnections: 5, name: 'n', signal };
      await using _server = await serveEvents(bus, make(options));
      await using publisher = publishTo(address, make({ namespace: 'm', timeoutMs: 60_000 }));
      const next = bus.next('/a');
      await publisher.publish('/a', 1, make({ namespace: 'n', traceparent: TRACEPARENT }));
      const received = await next;
      assert.deepEqual([received.namespace, received.traceparent], ['n', TRACEPARENT]);
      await publisher.forward(received.toBinary(), make({ traceparent: TRACEPARENT }));
      const own = { address: join(directory, 'o'), mode: 0o600, maxConnections: 5 };
      const echo = { unary: async ({ payload }: { readonly payload: Uint8Array }) => payload };
      const server = await TtrpcServer.listen({ s: { m: echo } }, make(own));
      const client = new TtrpcClient(own.address);
      const answer = await client.call('s', 'm', Buffer.from('x'), make({ timeoutMs: 60_000, metadata: new Map() }));
      assert.equal(`${answer}`, 'x');
      client.close();
      await server.close();
    }),
  'fromContainerd and toContainerd': (make) =>
    withDirectory(async (directory) => {
      await using bus = createBus();
      const address = join(directory, 's');
      const { signal } = new AbortController();
      const from = {
        address,
        filters: make(['']),
        onGap: () => {},
        maxPausedMs: 1_000,
        namespace: 'n',
        name: 'f',
        signal,
      };
      const source = await fromContainerd(bus, make(from));
      const to = { address, namespace: 'n', delivery: 'lossy' as const, name: 't', signal };
      const sink = await toContainerd(bus, make({ topics: '/a' }), make(to));
      await Promise.all([source.close(), sink.close()]);
    }),
  async natsBridge(make) {
    const connection = { isClosed: () => false } as unknown as NatsConnection;
    const out = make({
      filter: '/a',
      mode: 'topic' as const,
      maxBundle: 2,
      lingerMs: 1,
      inFlight: 2,
      delivery: 'lossy' as const,
    });
    const into = make({ filter: '/a', from: make({ sequence: 5 }), durable: 'd' });
    const { signal } = new AbortController();
    const given = {
      connection,
      stream: 's',
      prefix: 'p',
      create: make({ maxBytes: 1, maxAgeMs: 2, replicas: 3 }),
      id: 'i',
    };
    const checked = checkNatsOptions(make({ ...given, out, in: into, name: 'n', signal }));
    for (const _ of [1, 2]) {
      assert.deepEqual({ ...checked.create }, { maxBytes: 1, maxAgeMs: 2, replicas: 3 });
      assert.deepEqual([checked.in!.from, checked.in!.durable, checked.out!.mode], [{ sequence: 5 }, 'd', 'topic']);
    }
  },
  'ContentStore, Unpacker and applyLayer': (make) =>
    withDirectory(async (directory) => {
      const content = await ContentStore.open(join(directory, 'content'));
      const bytes = Buffer.from('content');
      const digest = digestOf(bytes);
      const expected = { digest, sizeBytes: bytes.length, mediaType: 'm' };
      await content.write(bytes, make({ ...expected, source: 's', maxBytes: 100 }));
      const ingest = await content.ingest(make({ ref: 'r', source: 's', maxBytes: 100 }));
      await ingest.write(bytes);
      await ingest.commit(make(expected));
      const sealed = await content.ingest(make({ source: 's' }));
      await sealed.write(bytes);
      await sealed.seal(make({ digest, sizeBytes: bytes.length }));
      await sealed.abort();
      const limits = { maxEntries: 10, maxUncompressedBytes: 100_000, specialFiles: 'skip' as const };
      new Unpacker(content, undefined as never, make(limits));
      await mkdir(join(directory, 'root'));
      const archive = Readable.from([await buildImageArchive({ name: 'i', files: [] })]);
      await applyLayer(
        join(directory, 'root'),
        archive,
        'l',
        make({ ...limits, signal: new AbortController().signal }),
      );
    }),
  'openServices, importArchive, create, exec and storm': (make) =>
    withDirectory(async (directory) => {
      const specs: { args?: readonly string[]; environment?: readonly string[]; user?: string }[] = [];
      const plugin = make({
        id: 'p',
        type: 't',
        requires: make(['content']),
        capabilities: make(['c']),
        init: () => 1,
      });
      const layers = make({ maxEntries: 1_000, maxUncompressedBytes: 1_000_000, specialFiles: 'skip' as const });
      const services = await openServices(
        make({ directory, runtime: idleRuntime(specs), layers, plugins: make([plugin]) }),
      );
      assert.equal(services.plugins.get('t/p'), 1);
      const file = make({
        path: 'd',
        type: 'Directory' as const,
        body: '',
        linkPath: '',
        mode: 0o755,
        modifiedAt: new Date(0),
      });
      const image = { name: 'example.com/i:1', files: make([file]), command: make(['c']), environment: make(['A=b']) };
      const archive = await buildImageArchive(make(image));
      const { signal } = new AbortController();
      const names = { baseName: 'b', labels: make({ l: 'm' }), signal, onProgress: () => {} };
      const limits = { maxEntries: 100, maxUncompressedBytes: 1_000_000 };
      await services.importer.importArchive(Readable.from([archive]), make({ ...names, ...limits }));
      const stdio = ['ignore', 'ignore', 'ignore'] as const;
      const created = { image: image.name, id: 'x', memoryBytes: 1_000_000, stdio, signal };
      const lists = { args: make(['a', 'b']), environment: make(['C=d']) };
      const container = await services.containers.create(make({ ...created, ...lists }));
      await container.start();
      const process = { workingDirectory: '/', user: '0', stdio, execId: 'e' };
      await container.exec(make({ ...process, args: make(['e', 'f']), environment: ['G=h'] }));
      assert.deepEqual(
        specs.map(({ args }) => [...args!]),
        [
          ['a', 'b'],
          ['e', 'f'],
        ],
      );
      await storm(
        services,
        make({ blobs: 1, blobBytes: 10, concurrency: 1, containers: 0, image: 'i', args: make(['a']) }),
      );
    }),
};
