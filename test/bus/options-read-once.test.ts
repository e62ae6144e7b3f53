/** Options are read once and copied: an object whose values change afterwards, or with each look, changes nothing. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createBus, type Envelope } from '../../src/index.js';
import { openServices } from '../../src/services/index.js';
import { inlineModule, until } from '../support/bus-scene.js';

const NOBODYS = Symbol('read a second time');

/** An object with these values at the first look at each; how often each was looked at is counted. */
function fickle<T extends object>(values: T, looks: Map<string, number>): T {
  const object = {};
  for (const [key, value] of Object.entries(values)) {
    const get = (): unknown => {
      const before = looks.get(key) ?? 0;
      looks.set(key, before + 1);
      return before === 0 ? value : NOBODYS;
    };
    Object.defineProperty(object, key, { enumerable: true, get });
  }
  return object as T;
}

const MODULE = inlineModule('export default (envelope, { data }) => { Atomics.add(data, 0, 1) }');
const shared = (): Int32Array => new Int32Array(new SharedArrayBuffer(4));

const ENTRIES: Record<string, (make: <T extends object>(values: T) => T) => Promise<void>> = {
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
  async openServices(make) {
    const directory = await mkdtemp(join(tmpdir(), 'options-'));
    try {
      const layers = make({ maxUncompressedBytes: 1_000_000 });
      const services = await openServices(make({ directory, runtime: 'process' as const, layers, plugins: [] }));
      await services.close();
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
};

describe('options whose values change with each look are read once:', { timeout: 60_000 }, () => {
  for (const [entry, use] of Object.entries(ENTRIES)) {
    test(entry, async () => {
      const all: Map<string, number>[] = [];
      await use((values) => {
        const looks = new Map<string, number>();
        all.push(looks);
        return fickle(values, looks);
      });
      assert.ok(all.length > 0);
      for (const looks of all)
        for (const [key, times] of looks) assert.equal(times, 1, `${key} was read ${times} times`);
    });
  }
});

test('what is changed after the call changes nothing, in later lives of a thread either', {
  timeout: 60_000,
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
