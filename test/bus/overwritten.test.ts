import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BusError, createBus, type HandlerOptions } from '../../src/index.js';
import { closeDelivered, idOf, range, record } from '../support/bus-scene.js';

const EVENTS = 1_000;

describe('a handler that writes over the memory of its envelopes', { timeout: 120_000 }, () => {
  for (const [what, options] of [
    ['lossless', {}],
    ['lossy', { delivery: 'lossy' }],
  ] as [string, HandlerOptions][]) {
    test(`is told so, and the others of its ${what} reader get every event`, async () => {
      await using bus = createBus();
      const codes: string[] = [];
      const wiped: number[] = [];
      const wiper = bus.subscribe(
        '/wiped',
        (envelope) => {
          wiped.push(idOf(envelope));
          new Uint8Array(envelope.payload.buffer).fill(0);
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
