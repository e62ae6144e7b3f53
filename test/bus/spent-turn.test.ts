/** A turn of the dispatch loop that is over in the middle of a batch, while a handler's promise is pending. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createBus } from '../../src/index.js';
import { closeDelivered } from '../support/bus-scene.js';

const EVENTS = 50;

/** Longer than any turn. */
function blockThread(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
}

function turns(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

function publishAll(bus: ReturnType<typeof createBus>): void {
  for (let i = 0; i < EVENTS; i++) bus.publish('/a', i);
}

describe('a handler that uses up the turn of its thread', { timeout: 600_000 }, () => {
  it('gets the rest of the batch when its promise has resolved', async () => {
    const bus = createBus();
    const seen: unknown[] = [];
    bus.subscribe('/a', async ({ event }) => {
      seen.push(event);
      if (seen.length === 1) blockThread();
      // Pending still when the loop takes its next turn.
      await turns();
    });
    publishAll(bus);
    await closeDelivered(bus);
    assert.deepEqual(
      seen,
      Array.from({ length: EVENTS }, (_, i) => i),
    );
  });

  for (const loop of ['cooperative', 'dedicated'] as const) {
    it(`gets the rest of the batch in a ${loop} thread of its own`, async () => {
      const bus = createBus();
      const module = `data:text/javascript,
        let calls = 0;
        const block = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60);
        const turns = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
        export default { async handle() { if (calls++ === 0) block(); await turns(); } };`;
      const subscription = bus.subscribe('/a', new URL(module), { loop });
      publishAll(bus);
      await closeDelivered(bus);
      assert.equal(subscription.stats().delivered, EVENTS);
    });
  }
});
