import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BusError, createBus, type HandlerOptions } from '../../src/index.js';
import { closeDelivered, idOf, range, record } from '../support/bus-scene.js';

const EVENTS = 1_000;

describe('a handler that writes over the memory of its envelopes', { timeout: 600_000 }, () => {
  const zero = (buffer: ArrayBufferLike): void => void new Uint8Array(buffer).fill(0);
  /** Leaves lengths as they are: 1 is the kind of an event. */
  const change = (buffer: ArrayBufferLike): void => {
    const words = new Int32Array(buffer);
    words.forEach((word, at) => {
      if (word === 1) words[at] = 9;
    });
  };
  for (const [what, overwrite, options] of [
    ['lossless', zero, {}],
    ['lossy', zero, { delivery: 'lossy' }],
    ['lossless', change, {}],
  ] as [string, typeof zero, HandlerOptions][]) {
    test(`is told so, and the others of its ${what} reader get every event (${overwrite.name})`, async () => {
      await using bus = createBus();
      const codes: string[] = [];
      const wiped: number[] = [];
      const wiper = bus.subscribe(
        '/wiped',
        (envelope) => {
          wiped.push(idOf(envelope));
          overwrite(envelope.payload.buffer);
        },
        options,
      );
      wiper.on('error', (error) => codes.push((error as BusError).code));
      const { ids, subscription } = record(bus, '/kept', options);
      subscription.on('error', () => {});
      for (const id of range(EVENTS)) bus.publish(id % 100 === 0 ? '/wiped' : '/kept', { id });
      await closeDelivered(bus);
      assert.deepEqual(
        wiped,
        range(EVENTS / 100).map((id) => id * 100),
      );
      assert.deepEqual(
        ids,
        range(EVENTS).filter((id) => id % 100 !== 0),
      );
      assert.deepEqual(new Set(codes), new Set(['BUS_OVERWRITTEN_ENVELOPES']));
    });
  }
});
