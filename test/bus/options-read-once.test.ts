/** Options are read once and copied: an object whose values change afterwards, or with each look, changes nothing. */
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type Bridge, connectBus, createBus, type Envelope, hostBus } from '../../src/index.js';
import { inlineModule, until } from '../support/bus-scene.js';
import { countingMake, fickle, type Make } from '../support/fickle-options.js';
import { SUBPATH_ENTRIES } from '../support/subpath-options.js';

const MODULE = inlineModule('export default (envelope, { data }) => { Atomics.add(data, 0, 1) }');
const shared = (): Int32Array => new Int32Array(new SharedArrayBuffer(4));

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

const ENTRIES: Record<string, (make: Make) => Promise<void>> = {
  async createBus(make) {
    const bus = createBus(
      make({
        capacityBytes: 65_536,
        namespace: 'n',
        types: [],
        topicTypes: make({ '/typed': 'containerd.events.TaskStart' }),
        maxPendingBytes: 1_000,
        maxTopics: 10,
        stallTimeoutMs: 1_000,
        keepUnwanted: true,
        flush: 'each' as const,
        clock: () => 5,
      }),
    );
    let got: Envelope | undefined;
    bus.subscribe('/a', (envelope) => void (got = envelope));
    bus.publish('/a', 1);
    await until(() => got !== undefined);
    assert.equal(got!.namespace, 'n');
    await bus.close();
  },
  async 'subscribe with a handler'(make) {
    await using bus = createBus();
    let calls = 0;
    const filter = make({ topics: ['/a'], exclude: '/b', namespaces: ['default'], where: 'topic ~= a' });
    const { signal } = new AbortController();
    const from = make({ last: 3 });
    const options = make({ name: 'n', signal, delivery: 'lossy' as const, from, many: 2, once: false, isolate: true });
    const subscription = bus.subscribe(filter, () => void calls++, options);
    for (let i = 0; i < 5; i++) bus.publish('/a', i);
    await subscription.ended;
    assert.deepEqual([calls, subscription.name], [2, 'n']);
  },
  async 'subscribe with a module'(make) {
    await using bus = createBus();
    const data = shared();
    const options = {
      name: 'm',
      delivery: 'lossless' as const,
      from: 'now' as const,
      data,
      loop: 'cooperative' as const,
      resourceLimits: make({ maxOldGenerationSizeMb: 64, stackSizeMb: 4 }),
      restart: make({ maxRestarts: 3, backoffMs: 1, maxBackoffMs: 2 }),
      hangTimeoutMs: 100_000,
    };
    const subscription = bus.subscribe('/a', MODULE, make(options));
    bus.publish('/a', 1);
    await subscription.stop({ drain: true });
    assert.deepEqual([data[0], subscription.name], [1, 'm']);
  },
  async 'subscribe with a stream'(make) {
    await using bus = createBus();
    const stream = bus.subscribe('/a', make({ name: 's', delivery: 'lossy' as const, from: 'oldest' as const }));
    bus.publish('/a', 1);
    assert.equal((await stream.next()).value?.topic, '/a');
    assert.equal(stream.name, 's');
  },
  async next(make) {
    await using bus = createBus();
    const next = bus.next('/a', make({ signal: new AbortController().signal, timeoutMs: 60_000 }));
    bus.publish('/a', 1);
    assert.equal((await next).topic, '/a');
  },
  async setFilter(make) {
    await using bus = createBus();
    let calls = 0;
    const subscription = bus.subscribe('/b', () => void calls++);
    subscription.setFilter(make({ topics: ['/a'], namespaces: 'default' }));
    bus.publish('/a', 1);
    await subscription.stop(make({ drain: true }));
    assert.equal(calls, 1);
  },
  async 'publish, tryPublish and publishSync'(make) {
    await using bus = createBus();
    const namespaces: string[] = [];
    const subscription = bus.subscribe('/a', ({ namespace }) => void namespaces.push(namespace));
    for (const name of ['publish', 'tryPublish', 'publishSync'] as const) {
      // Each call has an object of its own.
      const looks = new Map<string, number>();
      bus[name]('/a', 1, fickle({ namespace: name }, looks));
      assert.deepEqual([...looks.values()], [1]);
    }
    bus.publishSync('/a', 1, make({ namespace: 'n', timeoutMs: 1 }));
    await subscription.stop({ drain: true });
    assert.deepEqual(namespaces, ['publish', 'tryPublish', 'publishSync', 'n']);
  },
  async 'emitter, and emit'(make) {
    await using bus = createBus();
    const topics: string[] = [];
    const subscription = bus.subscribe('/**', ({ topic, namespace }) => void topics.push(`${namespace}${topic}`));
    const emitter = bus.emitter(make({ namespace: 'n', prefix: '/p' }));
    assert.ok(emitter.emit('a', 1, make({ throws: true })));
    assert.ok(emitter.emit('b', 1));
    assert.ok(emitter.withNamespace!('m').emit('a', 1));
    await subscription.stop({ drain: true });
    assert.deepEqual(topics, ['n/p/a', 'n/p/b', 'm/p/a']);
  },
  async close(make) {
    assert.deepEqual(await createBus().close(make({ drainTimeoutMs: 1_000 })), { undelivered: 0 });
  },
  async 'publish, tryPublish and publishSync, with and without a listener on ringcast.publish'(make) {
    await using bus = createBus();
    const got: unknown[] = [];
    const subscription = bus.subscribe('/a', ({ traceparent, origin, namespace }) => {
      got.push([traceparent, origin, namespace]);
    });
    const publishAll = (): void => {
      for (const verb of ['publish', 'tryPublish'] as const) {
        bus[verb]('/a', 1, make({ namespace: 'n', traceparent: TRACEPARENT, origin: 'o' }));
      }
      bus.publishSync('/a', 1, make({ namespace: 'n', traceparent: TRACEPARENT, origin: 'o', timeoutMs: 1 }));
    };
    const traced: unknown[] = [];
    const listener = (message: unknown): void => void traced.push((message as { traceparent: string }).traceparent);
    publishAll();
    subscribe('tracing:ringcast.publish:start', listener);
    publishAll();
    unsubscribe('tracing:ringcast.publish:start', listener);
    await subscription.stop({ drain: true });
    assert.deepEqual(got, Array(6).fill([TRACEPARENT, 'o', 'n']));
    assert.deepEqual(traced, Array(3).fill(TRACEPARENT));
  },
  async 'forward, forwardAll and writableStream'(make) {
    await using bus = createBus();
    const got: Envelope[] = [];
    const subscription = bus.subscribe('/a', (envelope) => void got.push(envelope));
    bus.publish('/a', 1);
    await until(() => got.length === 1);
    const bytes = got[0]!.toBinary();
    const extension = { traceparent: TRACEPARENT, origin: 'o' };
    bus.forward(make({ toBinary: () => bytes }), make(extension));
    bus.forwardAll(Buffer.concat([Buffer.from([bytes.length]), bytes]), make(extension));
    const stream = bus.writableStream('/a', make({ ...extension, namespace: 'n' }));
    stream.write(1);
    stream.end(2);
    await until(() => got.length === 5);
    await subscription.stop();
    assert.deepEqual(
      got.map(({ origin, namespace }) => `${origin} ${namespace}`),
      ['undefined default', 'o default', 'o default', 'o n', 'o n'],
    );
  },
  async 'subscribe with a module, what its thread has'(make) {
    await using bus = createBus();
    const { port1, port2 } = new MessageChannel();
    const subscription = bus.subscribe(
      '/a',
      inlineModule(`export default (envelope, { data }) => {
        data.port.postMessage([process.env.A, ...process.argv.slice(-1), ...process.execArgv]);
      }`),
      make({
        restart: 'never' as const,
        env: make({ A: 'b' }),
        argv: make(['c']),
        execArgv: make(['--no-warnings']),
        stdout: true,
        stderr: true,
        exceptOrigins: make(['o']),
        data: { port: port2 },
        transferList: make([port2]),
      }),
    );
    const heard = new Promise((resolve) => port1.once('message', resolve));
    bus.publish('/a', 1);
    assert.deepEqual(await heard, ['b', 'c', '--no-warnings']);
    port1.close();
    await subscription.stop();
  },
  async 'lists of filters, topics and origins'(make) {
    await using bus = createBus({ types: make([]) });
    const except = { exceptOrigins: make(['o']) };
    const all = make(['/a', '/b']);
    const structured = make({
      topics: make(['/a']),
      exclude: make(['/b']),
      namespaces: make(['n']),
      where: make(['']),
    });
    let calls = 0;
    for (const filter of [all, structured]) bus.subscribe(filter, () => void calls++);
    const next = bus.next(make(['/a']), make(except));
    bus.publish('/a', 1, { namespace: 'n' });
    await next;
    await until(() => calls === 2);
  },
  async serveStats(make) {
    await using bus = createBus();
    const directory = await mkdtemp(join(tmpdir(), 'options-'));
    try {
      await using server = await bus.serveStats(make({ name: 'n', path: join(directory, 's') }));
      assert.equal(server.path, join(directory, 's'));
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
  async connectBus(make) {
    await using bus = createBus();
    const next = bus.next('/a');
    const connection = connectBus(make({ ...bus.handle }), make({ name: 'n' }));
    connection.publish('/a', 1, make({ namespace: 'm', origin: 'o', traceparent: TRACEPARENT }));
    assert.equal((await next).namespace, 'm');
    assert.equal(connection.name, 'n');
    assert.deepEqual(await connection.close(make({ drainTimeoutMs: 10_000 })), { undelivered: 0 });
  },
  async hostBus(make) {
    const topicTypes = make({ '/typed': 'containerd.events.TaskStart' });
    const options = { capacityBytes: 65_536, namespace: 'n', types: make([]), topicTypes, maxPendingBytes: 1_000 };
    const others = { maxTopics: 10, stallTimeoutMs: 1_000, keepUnwanted: true, flush: 'each' as const };
    const bus = await hostBus(make({ ...options, ...others }));
    const again = connectBus(bus.handle);
    bus.publish('/a', 1);
    assert.deepEqual(await again.close(make({ drainTimeoutMs: 60_000 })), { undelivered: 0 });
    assert.deepEqual(await bus.close(make({ drainTimeoutMs: 60_000 })), { undelivered: 0 });
  },
  async attach(make) {
    await using bus = createBus();
    const { name, ready } = Object.getOwnPropertyDescriptors(make({ name: 'b', ready: Promise.resolve() }));
    const methods = Object.assign(new EventEmitter(), { stats: () => ({}), close: () => {} });
    const attachment = bus.attach(
      Object.defineProperties(methods, { name: name!, ready: ready! }) as unknown as Bridge,
    );
    assert.equal(attachment.topic, '/ringcast/bridge/b');
  },
  ...SUBPATH_ENTRIES,
};

/** The types of options that the package exports, and the entry that takes them. */
const USED_IN: Readonly<Record<string, string>> = {
  ArchiveInput: 'openServices, importArchive, create, exec and storm',
  ArchiveLimits: 'openServices, importArchive, create, exec and storm',
  BusOptions: 'createBus',
  ConnectOptions: 'connectBus',
  ContainerSpec: 'openServices, importArchive, create, exec and storm',
  CreateOptions: 'openServices, importArchive, create, exec and storm',
  EmitOptions: 'emitter, and emit',
  EmitterOptions: 'emitter, and emit',
  EventPublisherOptions: 'serveEvents, publishTo, TtrpcServer and TtrpcClient',
  ExecOptions: 'openServices, importArchive, create, exec and storm',
  Expectation: 'ContentStore, Unpacker and applyLayer',
  FilterInput: 'lists of filters, topics and origins',
  FilterSpec: 'lists of filters, topics and origins',
  ForwardOptions: 'forward, forwardAll and writableStream',
  FromContainerdOptions: 'fromContainerd and toContainerd',
  HostOptions: 'hostBus',
  HandlerOptions: 'subscribe with a handler',
  ImageInput: 'openServices, importArchive, create, exec and storm',
  ImportOptions: 'openServices, importArchive, create, exec and storm',
  InThreadOptions: 'createTestBus, settled and subscribeInThread',
  IngestOptions: 'ContentStore, Unpacker and applyLayer',
  InstrumentOptions: 'instrument and instrumentThread',
  LayerOptions: 'ContentStore, Unpacker and applyLayer',
  ModuleOptions: 'subscribe with a module, what its thread has',
  NatsBridgeOptions: 'natsBridge',
  NatsInOptions: 'natsBridge',
  NatsOutOptions: 'natsBridge',
  NextOptions: 'next',
  Plugin: 'openServices, importArchive, create, exec and storm',
  ProcessSpec: 'openServices, importArchive, create, exec and storm',
  PublishOptions: 'publish, tryPublish and publishSync',
  PublishToOptions: 'serveEvents, publishTo, TtrpcServer and TtrpcClient',
  RestartOptions: 'subscribe with a module',
  ServeEventsOptions: 'serveEvents, publishTo, TtrpcServer and TtrpcClient',
  ServeStatsOptions: 'serveStats',
  ServicesOptions: 'openServices, importArchive, create, exec and storm',
  StormOptions: 'openServices, importArchive, create, exec and storm',
  SubscribeOptions: 'subscribe with a stream',
  ToContainerdOptions: 'fromContainerd and toContainerd',
  TtrpcCallOptions: 'serveEvents, publishTo, TtrpcServer and TtrpcClient',
  TtrpcServerOptions: 'serveEvents, publishTo, TtrpcServer and TtrpcClient',
};

describe('options whose values change with each look are read once:', { timeout: 600_000 }, () => {
  for (const [entry, use] of Object.entries(ENTRIES)) {
    test(entry, async () => {
      const { make, all } = countingMake();
      await use(make);
      assert.ok(all.length > 0);
      for (const looks of all)
        for (const [key, times] of looks) assert.equal(times, 1, `${key} was read ${times} times`);
    });
  }

  test('every type of options that the package exports is used in one of them', async () => {
    const source = new URL('../../../src/', import.meta.url);
    const files = (await readdir(source, { recursive: true })).filter((name) => /(^|\/)index\.ts$/.test(name));
    const found = new Set<string>();
    for (const file of files) {
      const text = await readFile(new URL(file, source), 'utf8');
      for (const [name] of text.matchAll(/\b(?:[A-Z]\w*)?(?:Options|Input|Spec|Limits|Expectation|Plugin)\b/g))
        found.add(name);
    }
    assert.deepEqual([...found].sort(), Object.keys(USED_IN).sort());
    for (const [type, entry] of Object.entries(USED_IN)) assert.ok(entry in ENTRIES, `${type} is used in ${entry}`);
  });
});

test('what is changed after the call changes nothing, in later lives of a thread either', {
  timeout: 600_000,
}, async () => {
  await using bus = createBus();
  const counts = shared();
  const data = { counts, says: 'then' };
  const topics = ['/a'];
  const resourceLimits = { maxOldGenerationSizeMb: 64 };
  const restart = { maxRestarts: 3, backoffMs: 1 };
  const source = `export default ({ topic }, { data }) => {
    if (topic !== '/a' || data.says !== 'then') return;
    if (Atomics.add(data.counts, 0, 1) === 0) process.exit(1);
  }`;
  const subscription = bus.subscribe({ topics }, inlineModule(source), { data, resourceLimits, restart });
  data.says = 'now';
  topics.push('/b');
  restart.maxRestarts = 0;
  // No thread starts with that little.
  resourceLimits.maxOldGenerationSizeMb = 1e-3;
  bus.publish('/a', 1);
  await subscription.stop({ drain: true });
  assert.deepEqual([counts[0], subscription.stats().restarts], [2, 1]);
  assert.deepEqual(subscription.filter, { topics: ['/a'] });
});
