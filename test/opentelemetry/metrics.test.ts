import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { AggregationTemporality, MeterProvider } from '@opentelemetry/sdk-metrics';
import { connectBus, createBus } from '../../src/index.js';
import { instrument } from '../../src/opentelemetry/index.js';
import { thrownBy, until } from '../support/bus-scene.js';
import { MetricReader } from '../support/metric-reader.js';

const page = readFileSync(new URL('../../../src/opentelemetry/README.md', import.meta.url), 'utf8');

describe('metrics of OpenTelemetry', { timeout: 600_000 }, () => {
  test('report every series of the table, with the values of stats()', async () => {
    await using bus = createBus();
    // One that adds up keeps series that are not observed any more.
    const reader = new MetricReader({ aggregationTemporalitySelector: () => AggregationTemporality.DELTA });
    const meter = new MeterProvider({ readers: [reader] }).getMeter('test');
    const stop = instrument(bus, { name: 'mine', meter, attributes: { zone: 'a' } });
    const members = { name: 'nats', ready: Promise.resolve(), stats: () => ({}), close: () => {} };
    const bridge = Object.assign(new EventEmitter(), members);
    bus.attach(bridge);
    bridge.emit('connected');
    bridge.emit('gap', { count: 4, reason: 'trimmed' });
    const named = bus.subscribe('/a', () => {}, { name: 'named' });
    const unnamed = [bus.subscribe('/a', () => {}), bus.subscribe('/b', () => {})];
    for (let i = 0; i < 10; i++) bus.publish('/a', i);
    bus.publish('/nobody', 1);
    const connection = connectBus(bus.handle, { name: 'resizer' });
    connection.publish('/a', 1);
    await until(() => bus.stats().connections[0]?.received === 1);
    await until(() => named.stats().delivered === 11 && unnamed[0]!.stats().delivered === 11);
    const values = await reader.read();
    const of = (name: string, more = {}): unknown =>
      values.get(`${name} ${JSON.stringify({ zone: 'a', 'ringcast.bus.name': 'mine', ...more })}`);
    assert.deepEqual(
      ['published', 'written', 'unwanted', 'refused', 'ring.capacity', 'pending.events'].map((name) =>
        of(`ringcast.${name}`),
      ),
      [12, 11, 1, 0, 4 * 1024 * 1024, 0],
    );
    const delivered = (name: string): unknown =>
      of('ringcast.subscription.delivered', { 'ringcast.subscription.name': name });
    assert.deepEqual([delivered('named'), delivered('(unnamed)')], [11, 11]);
    assert.equal(of('ringcast.connection.published', { 'ringcast.connection.name': 'resizer' }), 1);
    assert.deepEqual([of('ringcast.connections'), of('ringcast.connections.lost')], [1, 0]);
    assert.equal(of('ringcast.bridge.lost', { 'ringcast.bridge.name': 'nats' }), 4);
    const names = new Set([...values.keys()].map((key) => key.split(' ')[0]));
    const documented = [...page.matchAll(/^\| `(ringcast\.[\w.]+)` +\| (?:counter|gauge)/gm)].map(([, name]) => name!);
    assert.deepEqual([...names].sort(), documented.sort());
    await named.stop();
    assert.ok(![...(await reader.read()).keys()].some((key) => key.includes('"named"')));
    stop();
    stop();
    assert.equal((await reader.read()).size, 0);
  });

  test('do not fall when one of several that are one series ends', async () => {
    const bus = createBus();
    const reader = new MetricReader({ aggregationTemporalitySelector: () => AggregationTemporality.CUMULATIVE });
    const meter = new MeterProvider({ readers: [reader] }).getMeter('test');
    const stop = instrument(bus, { meter });
    const delivered = async (name: string): Promise<unknown> =>
      [...(await reader.read())].find(([key]) => key.includes('delivered') && key.includes(`"${name}"`))?.[1];
    const unnamed = [bus.subscribe('/a', () => {}), bus.subscribe('/a', () => {})];
    const shared = ['/a', '/b'].map((filter) => bus.subscribe(filter, () => {}, { name: 'shared' }));
    const again = bus.subscribe('/a', () => {}, { name: 'again' });
    for (let i = 0; i < 3; i++) bus.publish('/a', i);
    bus.publish('/b', 0);
    const all = [...unnamed, ...shared, again];
    await until(() => all.reduce((sum, one) => sum + one.stats().delivered, 0) === 13);
    assert.deepEqual([await delivered('(unnamed)'), await delivered('shared'), await delivered('again')], [6, 4, 3]);
    for (const one of [unnamed[0]!, shared[0]!, again]) await one.stop();
    const next = bus.subscribe('/a', () => {}, { name: 'again' });
    assert.deepEqual([await delivered('(unnamed)'), await delivered('shared'), await delivered('again')], [6, 4, 3]);
    bus.publish('/a', 4);
    await until(() => unnamed[1]!.stats().delivered === 4 && next.stats().delivered === 1);
    assert.deepEqual([await delivered('(unnamed)'), await delivered('shared'), await delivered('again')], [7, 4, 4]);
    stop();
    await bus.close();
  });

  test('leave the way of a publish as it is', async () => {
    await using bus = createBus();
    const stop = instrument(bus, { meter: new MeterProvider().getMeter('test') });
    for (const name of ['ringcast.publish', 'ringcast.handle']) {
      for (const event of ['start', 'end', 'asyncStart', 'asyncEnd', 'error']) {
        assert.equal(channel(`tracing:${name}:${event}`).hasSubscribers, false);
      }
    }
    assert.ok(!Object.hasOwn(bus, 'publish'));
    stop();
  });

  test('refuse options that make no sense', async () => {
    await using bus = createBus();
    const connection = connectBus(bus.handle);
    // Its counters are those of the bus: without spans there is nothing to do.
    assert.equal(thrownBy(() => instrument(connection)).code, 'BUS_INVALID_OPTION');
    for (const none of [undefined, null, {}, 'bus', new EventEmitter()]) {
      assert.match(thrownBy(() => instrument(none as never)).message, /bus must be a bus, or a connection to one/);
    }
    const none = [
      { meter: null },
      { meter: {} },
      { tracer: null },
      { tracer: {} },
      { attributes: 'a' },
      { attributes: [1] },
    ];
    for (const options of [{ name: '' }, { name: 1 }, { spans: true }, { spans: 'all' }, ...none]) {
      assert.equal(thrownBy(() => instrument(bus, options as never)).code, 'BUS_INVALID_OPTION');
    }
    assert.equal(thrownBy(() => instrument(bus, { span: 1 } as never)).code, 'BUS_UNKNOWN_OPTION');
  });
});
