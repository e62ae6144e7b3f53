/** How the traces of events are written into a message, and how much of a message that takes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { maxSizeOf, type OutgoingEvent, OutgoingMessage } from '../../../src/bridges/nats/outgoing-message.js';
import { readTraces, TraceWriter } from '../../../src/bridges/nats/traces.js';

const traceparent = fc.option(
  fc.constantFrom(
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00',
  ),
  { nil: undefined },
);

describe('traces of events', () => {
  test('are read as they were written', () => {
    fc.assert(
      fc.property(fc.array(traceparent), (traceparents) => {
        const writer = new TraceWriter();
        for (const one of traceparents) writer.add(one);
        assert.deepEqual(readTraces(`${writer}`, traceparents.length), traceparents);
        assert.ok(`${writer}`.length <= writer.length);
      }),
    );
  });

  test('that are none are none, and the others stay', () => {
    const good = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    for (const bad of [
      '',
      'x',
      '0*1',
      `0*1 ${good}0`,
      `0*1 ${good.replace('0af', '0AF')}`,
      `-1*1 ${good}`,
      `9*9 ${good}`,
    ])
      assert.deepEqual(readTraces(`${bad},1*1 ${good}`, 3), [undefined, good, undefined], bad);
    fc.assert(fc.property(fc.string(), (text) => readTraces(text, 3).length === 3));
  });
});

describe('a message', () => {
  test('is never larger, headers included, than was reckoned before each event', () => {
    const event: fc.Arbitrary<OutgoingEvent> = fc.record({
      bytes: fc.nat({ max: 300 }).map((length) => new Uint8Array(length)),
      path: fc.constantFrom('A', 'B>A', 'C>B>A'),
      sequence: fc.nat({ max: 2 ** 53 - 1 }),
      ownSequence: fc.nat(),
      traceparent,
      lagged: fc.constant(0),
    });
    fc.assert(
      fc.property(fc.array(event, { minLength: 1 }), fc.boolean(), (events, isBundle) => {
        const message = new OutgoingMessage(isBundle);
        for (const one of isBundle ? events : events.slice(0, 1)) {
          const reckoned = message.sizeBytes + maxSizeOf(one);
          message.add(one);
          const headers = message.headers().reduce((sum, [, value]) => sum + value.length, 0);
          assert.ok(message.data().length + headers <= reckoned);
          assert.ok(message.sizeBytes <= reckoned);
        }
      }),
    );
  });
});
