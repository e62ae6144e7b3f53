/** A bus among streams: Node's, those of the web, and RxJS. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, test } from 'node:test';
import { from, map, take } from 'rxjs';
import { createBus, type Envelope } from '../../src/index.js';

const COUNT = 3_000;
const numbers = Array.from({ length: COUNT }, (_, index) => index);

describe('a writable stream', () => {
  test('publishes what a pipeline brings, and asks for no more while the ring is full', async () => {
    const bus = createBus({ capacityBytes: 65_536, maxPendingBytes: 4_096 });
    const got: number[] = [];
    const padding = 'x'.repeat(200);
    bus.subscribe('/n', async ({ event }) => {
      await null;
      got.push(event.n);
    });
    await pipeline(Readable.from(numbers.map((n) => ({ n, padding }))), bus.writableStream('/n'));
    await bus.close();
    assert.deepEqual(got, numbers);
  });

  test('may choose the topic of each chunk, and has the namespace that it was given', async () => {
    const bus = createBus();
    const got: string[] = [];
    bus.subscribe('**', ({ topic, namespace }) => void got.push(`${namespace}${topic}`));
    const stream = bus.writableStream((event: { kind: string }) => `/kinds/${event.kind}`, { namespace: 'other' });
    stream.write({ kind: 'a' });
    stream.end({ kind: 'b' });
    await once(stream, 'finish');
    await bus.close();
    assert.deepEqual(got, ['other/kinds/a', 'other/kinds/b']);
  });

  test('ends with the error of a publish, and does nothing to the bus', async () => {
    const bus = createBus({ keepUnwanted: true });
    const stream = bus.writableStream('/x');
    stream.write(() => {});
    const [error] = (await once(stream, 'error')) as [Error & { code: string }];
    assert.equal(error.code, 'BUS_INVALID_EVENT');
    bus.publish('/x', 1);
    await bus.close();
    const late = createBus();
    const after = late.writableStream('/x');
    await late.close();
    after.write(1);
    assert.equal(((await once(after, 'error')) as [{ code: string }])[0].code, 'BUS_CLOSED');
  });
});

describe('a stream of a bus', () => {
  const publish = (bus: ReturnType<typeof createBus>): void => {
    for (const n of numbers.slice(0, 100)) bus.publish('/n', n);
  };

  test('is the source of a pipeline', async () => {
    const bus = createBus();
    const got: number[] = [];
    const stream = bus.subscribe('/n');
    publish(bus);
    const double = new Transform({
      objectMode: true,
      transform: ({ event }: Envelope<number>, _encoding, done) => done(null, event * 2),
    });
    const collected = pipeline(stream, double, async (source: AsyncIterable<number>) => {
      for await (const n of source) got.push(n);
    });
    await bus.close();
    await collected;
    assert.deepEqual(
      got,
      numbers.slice(0, 100).map((n) => n * 2),
    );
  });

  test('becomes a Node stream and a web stream', async () => {
    const bus = createBus();
    const node = Readable.from(bus.subscribe('/n'));
    const web = ReadableStream.from(bus.subscribe('/n') as AsyncIterable<Envelope<number>>);
    publish(bus);
    const fromNode: number[] = [];
    const fromWeb: number[] = [];
    const reading = Promise.all([
      (async () => {
        for await (const { event } of node) fromNode.push(event);
      })(),
      (async () => {
        for await (const { event } of web) fromWeb.push(event);
      })(),
    ]);
    await bus.close();
    await reading;
    assert.deepEqual(fromNode, numbers.slice(0, 100));
    assert.deepEqual(fromWeb, numbers.slice(0, 100));
  });

  test('is an observable by RxJS, and ends when that has enough', async () => {
    const bus = createBus();
    const stream = bus.subscribe('/n');
    const got: number[] = [];
    const done = new Promise<void>((resolve) => {
      from(stream)
        .pipe(
          take(3),
          map(({ event }) => event as number),
        )
        .subscribe({ next: (n) => void got.push(n), complete: resolve });
    });
    publish(bus);
    await done;
    assert.deepEqual(got, [0, 1, 2]);
    await bus.close();
  });

  test('throw() ends it with that error', async () => {
    const bus = createBus();
    const stream = bus.subscribe('/n');
    await assert.rejects(stream.throw(new Error('enough')), /enough/);
    await stream.ended;
    assert.deepEqual(await stream.next(), { done: true, value: undefined });
    await bus.close();
  });
});
