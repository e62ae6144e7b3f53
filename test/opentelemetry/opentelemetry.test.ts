import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { BroadcastChannel, Worker } from 'node:worker_threads';
import {
  context,
  INVALID_SPAN_CONTEXT,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { type Bus, createBus, type Envelope, hostBus } from '../../src/index.js';
import { instrument, instrumentThread } from '../../src/opentelemetry/index.js';
import { closeDelivered, until, workerModule } from '../support/bus-scene.js';
import { MetricReader } from '../support/metric-reader.js';
import type { ToldSpan } from '../support/thread-tracing.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const page = readFileSync(join(root, 'src/opentelemetry/README.md'), 'utf8');

describe('spans of OpenTelemetry', { timeout: 600_000 }, () => {
  const exporter = new InMemorySpanExporter();
  const tracer = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).getTracer('test');
  before(() => context.setGlobalContextManager(new AsyncLocalStorageContextManager()));
  after(() => context.disable());

  /** Runs `act` in a span, sampled or not. */
  function inSpan<T>(sampled: boolean, act: () => T): T {
    const traceFlags = sampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
    const spanContext = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags };
    return context.with(trace.setSpanContext(ROOT_CONTEXT, spanContext), act);
  }

  /** The one span of that name. */
  function finished(name: string) {
    const spans = exporter.getFinishedSpans().filter((span) => span.name === name);
    assert.equal(spans.length, 1, name);
    return spans[0]!;
  }

  test('lead from a publish over the ring to a handler, and into what that publishes', async () => {
    exporter.reset();
    await using bus = createBus();
    const stop = instrument(bus, { tracer, spans: 'sampled' });
    const relay = async (): Promise<void> => {
      await Promise.resolve();
      bus.publish('/b', 1);
    };
    const fail = (): void => {
      throw Object.assign(new Error('mine'), { code: 'E_MINE' });
    };
    bus.subscribe('/a', relay, { name: 'first' });
    bus.subscribe('/b', fail, { name: 'second' }).on('error', () => {});
    const gone = bus.subscribe('/b', () => {});
    inSpan(true, () => bus.publish('/a', 1));
    await until(() => gone.stats().delivered === 1);
    await closeDelivered(bus);
    stop();
    const [a, first, b, second] = [
      finished('publish /a'),
      finished('process first'),
      finished('publish /b'),
      finished('process second'),
    ];
    const spans = [a, first, b, second];
    const { PRODUCER, CONSUMER } = SpanKind;
    assert.deepEqual(
      spans.map(({ kind }) => kind),
      [PRODUCER, CONSUMER, PRODUCER, CONSUMER],
    );
    assert.deepEqual(
      spans.map(({ parentSpanContext }) => parentSpanContext?.spanId),
      ['2'.repeat(16), ...[a, first, b].map((span) => span.spanContext().spanId)],
    );
    assert.deepEqual(
      first.links.map((link) => link.context.spanId),
      [a.spanContext().spanId],
    );
    for (const span of spans) assert.equal(span.spanContext().traceId, '1'.repeat(32));
    assert.equal(second.status.code, SpanStatusCode.ERROR);
    assert.equal(second.attributes['error.type'], 'E_MINE');
    assert.deepEqual(first.attributes, {
      'messaging.system': 'ringcast',
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.subscription.name': 'first',
      'messaging.destination.name': '/a',
    });
  });

  test('are made of nothing that is not sampled, of no other bus, and not after the end; such events carry nothing', async () => {
    exporter.reset();
    await using bus = createBus();
    await using other = createBus();
    const carried: unknown[] = [];
    for (const one of [bus, other]) one.subscribe('/a', ({ traceparent }) => void carried.push(traceparent));
    const stop = instrument(bus, { tracer, spans: 'sampled' });
    bus.publish('/a', 1);
    inSpan(false, () => bus.publish('/a', 2));
    inSpan(true, () => other.publish('/a', 3));
    await until(() => carried.length === 3);
    stop();
    inSpan(true, () => bus.publish('/a', 4));
    await until(() => carried.length === 4);
    assert.deepEqual(exporter.getFinishedSpans(), []);
    assert.deepEqual(carried, [undefined, undefined, undefined, undefined]);
  });

  test('end with their handlers, also where spans were given up meanwhile', async () => {
    exporter.reset();
    const bus = createBus();
    const first = instrument(bus, { tracer, spans: 'sampled' });
    const second = instrument(bus, { tracer, spans: 'sampled' });
    let letGo!: () => void;
    const gate = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const handled: unknown[] = [];
    bus.subscribe('/a', ({ event }) => handled.push(event) < 2 && gate, { name: 'slow' });
    inSpan(true, () => bus.publish('/a', 1));
    await until(() => handled.length === 1);
    first();
    second();
    assert.deepEqual(
      exporter.getFinishedSpans().map(({ name }) => name),
      ['publish /a'],
    );
    inSpan(true, () => bus.publish('/a', 2));
    letGo();
    await closeDelivered(bus);
    assert.deepEqual(
      exporter.getFinishedSpans().map(({ name }) => name),
      ['publish /a', 'process slow'],
    );
    assert.equal(channel('tracing:ringcast.handle:asyncEnd').hasSubscribers, false);
  });

  test('of handlers that throw what has no text, or errors that cannot be read, are ended, and nothing else happens', async () => {
    exporter.reset();
    const no = (): never => {
      throw new Error('no');
    };
    const thrown: readonly unknown[] = [
      Symbol('x'),
      null,
      undefined,
      Object.create(null),
      { toString: no },
      new Proxy(() => {}, { get: no, getPrototypeOf: no }),
      Object.defineProperty(new Error('x'), 'message', { get: no }),
      Object.assign(new Error('x'), { message: Symbol('x'), name: Symbol('x'), code: {} }),
    ];
    await using bus = createBus();
    bus.on('error', () => {});
    const end = instrument(bus, { spans: 'sampled', tracer });
    bus.subscribe('/a', ({ event }) => {
      throw thrown[event as number];
    });
    bus.subscribe('/a', async ({ event }) => {
      throw thrown[event as number];
    });
    inSpan(true, () => {
      for (const index of thrown.keys()) bus.publish('/a', index);
    });
    await closeDelivered(bus);
    end();
    const handled = exporter.getFinishedSpans().filter(({ kind }) => kind === SpanKind.CONSUMER);
    assert.equal(handled.length, 2 * thrown.length);
    for (const { attributes, status } of handled) {
      assert.equal(status.code, SpanStatusCode.ERROR);
      assert.equal(typeof status.message, 'string');
      assert.equal(typeof attributes['error.type'], 'string');
    }
  });

  test('of a tracer that fails, or makes spans of no trace, leave publishing and handling as they are', async () => {
    const no = (): never => {
      throw new Error('no tracing');
    };
    const span = tracer.startSpan('x');
    const failing: readonly unknown[] = [
      { startSpan: no },
      { startSpan: () => undefined },
      { startSpan: () => Object.assign(Object.create(span), { end: no }) },
      { startSpan: () => Object.assign(Object.create(span), { spanContext: no }) },
      { startSpan: () => Object.assign(Object.create(span), { spanContext: () => INVALID_SPAN_CONTEXT }) },
      { startSpan: () => Object.assign(Object.create(span), { spanContext: () => ({ traceId: 'x', spanId: 'y' }) }) },
    ];
    for (const broken of failing) {
      await using bus = createBus();
      const end = instrument(bus, { spans: 'sampled', tracer: broken as Tracer });
      const subscription = bus.subscribe('/a', () => {});
      inSpan(true, () => bus.publish('/a', 1));
      await closeDelivered(bus);
      end();
      assert.deepEqual([subscription.stats().delivered, subscription.stats().failed], [1, 0]);
    }
  });

  test('reach the handler of a module on its own thread', async () => {
    exporter.reset();
    await using bus = createBus();
    const stop = instrument(bus, { tracer, spans: 'sampled' });
    const name = `spans-${process.pid}`;
    const told = new BroadcastChannel(name);
    const message = new Promise<{ data: readonly Record<string, unknown>[] }>((resolve) => {
      told.onmessage = (event) => resolve(event as never);
    });
    bus.subscribe('/a', workerModule('spans'), { name: 'there', data: name });
    inSpan(true, () => bus.publish('/a', 1));
    bus.publish('/a', 2);
    await closeDelivered(bus);
    const { data } = await message;
    told.close();
    stop();
    const { spanId } = finished('publish /a').spanContext();
    assert.equal(data.length, 1);
    const { active, ...span } = data[0]!;
    assert.deepEqual(span, {
      ...{ name: 'process there', kind: SpanKind.CONSUMER, traceId: '1'.repeat(32), parent: spanId, links: [spanId] },
      spanId: span.spanId,
    });
    assert.deepEqual(active, [span.spanId, undefined]);
  });
});

describe('a trace, on the threads of others', { timeout: 600_000 }, () => {
  const exporter = new InMemorySpanExporter();
  const tracer = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).getTracer('test');
  before(() => context.setGlobalContextManager(new AsyncLocalStorageContextManager()));
  after(() => context.disable());

  interface Scene {
    readonly bus: Bus;
    /** Publishes in the trace of that number; 0: in none. */
    publish(trace: number, event: unknown): void;
    /** The traceparents of what was published before, by trace. */
    readonly given: Map<number, string | undefined>;
    /** What has come out. */
    readonly out: Envelope[];
    readonly spans: ToldSpan[];
  }

  /** An instrumented bus whose `/in` somebody passes on to `/out`, who publishes the spans of its thread on `/spans` in the end. */
  function scene(): Scene & Disposable {
    const bus = createBus();
    const stop = instrument(bus, { tracer, spans: 'sampled' });
    const out: Envelope[] = [];
    const spans: ToldSpan[] = [];
    const given = new Map<number, string | undefined>();
    bus.subscribe('/in', ({ traceparent }) => void given.set(given.size, traceparent), { name: 'beside' });
    bus.subscribe('/out', (envelope) => void out.push(envelope), { name: 'end' });
    bus.subscribe('/spans', ({ event }) => void spans.push(...(event as ToldSpan[])));
    const publish = (number: number, event: unknown): void => {
      const spanContext = { traceId: `${number}`.repeat(32), spanId: '2'.repeat(16), traceFlags: TraceFlags.SAMPLED };
      if (number === 0) bus.publish('/in', event);
      else context.with(trace.setSpanContext(ROOT_CONTEXT, spanContext), () => bus.publish('/in', event));
    };
    const end = (): void => {
      stop();
      bus.destroy();
    };
    return { bus, publish, given, out, spans, [Symbol.dispose]: end };
  }

  /** Each event that is in a trace, and no other, comes out in it, by way of a span of its handler and one of its publish. */
  function checkSpans({ out, spans, given }: Scene, handler: string): void {
    const traced = spans.filter(({ name }) => name === 'publish /out');
    const handled = spans.filter(({ name }) => name === handler);
    assert.deepEqual([spans.length, traced.length, handled.length], [4, 2, 2]);
    for (const [index, traceId] of ['1'.repeat(32), undefined, '3'.repeat(32)].entries()) {
      const [, carried, parent] = out[index]!.traceparent?.split('-') ?? [];
      assert.equal(carried, traceId);
      if (traceId === undefined) continue;
      const published = traced.find((span) => span.traceId === traceId)!;
      const consumed = handled.find((span) => span.traceId === traceId)!;
      const cameBy = given.get(index)!.split('-')[2]!;
      assert.deepEqual([parent, published.parent], [published.spanId, consumed.spanId]);
      assert.deepEqual([consumed.parent, consumed.links], [cameBy, [cameBy]]);
      assert.deepEqual([published.kind, consumed.kind], [SpanKind.PRODUCER, SpanKind.CONSUMER]);
    }
  }

  /** Publishes an event in a trace, one in none, and one in another trace, each when the one before has come out. */
  async function publishThree({ publish, out }: Scene, events: readonly [unknown, unknown, unknown]): Promise<void> {
    for (const [index, event] of events.entries()) {
      publish([1, 0, 3][index]!, event);
      await until(() => out.length === index + 1);
    }
  }

  for (const batch of [false, true]) {
    test(`leads into what a module publishes ${batch ? 'of a batch' : 'of an event'}, by context.bus and by emit`, async () => {
      using all = scene();
      const module = new URL(`${workerModule('relaying').href}${batch ? '?batch' : ''}`);
      const relay = all.bus.subscribe('/in', module, { name: 'there', data: { sdk: true } });
      // The one that makes the connection is in a trace, and the one after it is not.
      await publishThree(all, ['publish', 'emit', 'emit']);
      await relay.stop({ drain: true });
      await until(() => all.spans.length > 0);
      checkSpans(all, 'process there');
    });
  }

  test('goes on without an SDK in the thread of a module', async () => {
    using all = scene();
    all.bus.subscribe('/in', workerModule('relaying'), { data: { sdk: false } });
    await publishThree(all, ['emit', 'publish', 'publish']);
    assert.deepEqual(
      all.out.map(({ traceparent }) => traceparent),
      [...all.given.values()],
    );
    assert.ok(all.given.get(0) !== undefined && all.given.get(1) === undefined);
  });

  for (const [sdk, by] of [
    [true, 'thread'],
    [false, 'connection'],
  ] as const) {
    const how = by === 'thread' ? 'instrumentThread' : 'instrument';
    test(`leads into what the handler of a connected thread publishes, after ${how}${sdk ? '' : ' without an SDK'}`, async () => {
      using all = scene();
      const ready = all.bus.next('/ready');
      const worker = new Worker(workerModule('relaying-connection'), {
        workerData: { handle: all.bus.handle, sdk, by },
      });
      await ready;
      await publishThree(all, [1, 2, 3]);
      if (sdk) {
        all.bus.publish('/end', {});
        await until(() => all.spans.length > 0);
        checkSpans(all, 'process there');
      } else {
        assert.deepEqual(
          all.out.map(({ traceparent }) => traceparent),
          [...all.given.values()],
        );
      }
      await worker.terminate();
    });
  }

  test('has one span for each call, also where a thread and its bus are both instrumented', async () => {
    exporter.reset();
    using all = scene();
    const stop = instrumentThread({ tracer });
    all.publish(1, 1);
    await until(() => all.given.size === 1);
    stop();
    const names = exporter.getFinishedSpans().map(({ name }) => name);
    assert.deepEqual(names.sort(), ['process beside', 'publish /in']);
  });

  test('is that of a hosted bus, too, whose counters are metrics of the thread that asked for it', async () => {
    exporter.reset();
    const reader = new MetricReader();
    const meter = new MeterProvider({ readers: [reader] }).getMeter('test');
    const bus = await hostBus();
    const stop = instrument(bus, { meter, tracer, spans: 'sampled' });
    const got: Envelope[] = [];
    await bus.subscribe('/a', (envelope) => void got.push(envelope), { name: 'here' }).ready;
    const spanContext = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: TraceFlags.SAMPLED };
    context.with(trace.setSpanContext(ROOT_CONTEXT, spanContext), () => bus.publish('/a', 1));
    await until(() => got.length === 1);
    assert.equal(got[0]!.traceparent!.split('-')[1], '1'.repeat(32));
    const values = await reader.read();
    assert.equal(values.get('ringcast.published {"ringcast.bus.name":"bus"}'), 1);
    await bus.close();
    const names = exporter.getFinishedSpans().map(({ name }) => name);
    assert.deepEqual(names.sort(), ['process here', 'publish /a']);
    // That it has ended is no error of those who collect.
    await reader.read();
    stop();
  });
});

test('the recipe for prom-client reports what it says', async () => {
  const [, imports, body] = /```js\n(import .*?prom-client.*\n)([\s\S]*?)```/.exec(page)!;
  const folder = mkdtempSync(join(root, 'dist', 'recipe-'));
  try {
    const file = join(folder, 'recipe.mjs');
    const registry = "import { register } from 'prom-client';\n";
    writeFileSync(file, `${imports}${registry}export default (bus) => {\n${body}\nreturn register;\n};\n`);
    const { default: install } = (await import(pathToFileURL(file).href)) as {
      default: (bus: object) => { metrics(): Promise<string> };
    };
    await using bus = createBus();
    const subscription = bus.subscribe('/a', () => {}, { name: 'mine' });
    const register = install(bus);
    for (let i = 0; i < 3; i++) bus.publish('/a', i);
    assert.match(await register.metrics(), /^ringcast_published_total 3$/m);
    bus.publish('/a', 1);
    const text = await register.metrics();
    assert.match(text, /^ringcast_published_total 4$/m);
    assert.match(text, /^ringcast_subscription_backlog_bytes\{subscription="mine"\} \d+$/m);
    await subscription.stop();
    assert.doesNotMatch(await register.metrics(), /mine/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
