/** Failures in a thread while the bus cannot hear of them: all are counted, some are told, few messages wait. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createBus, type HandlerError } from '../../src/index.js';
import { closeDelivered, SMALL_RING_BYTES } from '../support/bus-scene.js';

const EVENTS = 10_000;
/** What a module is told of after the bus thread is free: what the smallest ring holds, and what waited on the port. */
const MOST_TOLD = 2_500;

describe('a module that fails on every event while the bus thread is blocked', { timeout: 600_000 }, () => {
  for (const [kind, text] of Object.entries({
    'at once': 'export default () => { throw new Error("no") }',
    'by a promise': 'export default async () => { throw new Error("no") }',
  })) {
    for (const loop of ['cooperative', 'dedicated'] as const) {
      test(`${kind}, in a ${loop} loop: its failures are told with the number of those that are not told, and are all counted`, async () => {
        await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
        const subscription = bus.subscribe('/a', new URL(`data:text/javascript,${encodeURIComponent(text)}`), { loop });
        const errors: HandlerError[] = [];
        subscription.on('error', (error) => errors.push(error as HandlerError));
        await subscription.ready;
        for (let i = 0; i < EVENTS; i++) bus.publishSync('/a', { i }, { timeoutMs: 60_000 });
        assert.equal(errors.length, 0);
        await closeDelivered(bus);
        const leftOut = errors.reduce((sum, error) => sum + error.leftOut, 0);
        assert.equal(errors.length + leftOut, EVENTS);
        assert.equal(subscription.stats().failed, EVENTS);
        assert.ok(errors.length < MOST_TOLD, `${errors.length} reports`);
        assert.ok(errors.some((error) => error.message.includes(`${error.leftOut} failures before it`)));
      });
    }
  }
});
