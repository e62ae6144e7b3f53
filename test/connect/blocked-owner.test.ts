/** A connected thread while the owner's event loop does not turn: its own bounds say so, and everything goes on afterwards. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createBus, type Envelope } from '../../src/index.js';
import { SMALL_RING_BYTES, until } from '../support/bus-scene.js';
import { ScriptedThread } from '../support/scripted-thread.js';

/** Meets, then does `body` while this thread is blocked; what it leaves in `result` is what it says. */
async function whileBlocked(body: string): Promise<{ result: unknown; got: number[] }> {
  const bus = createBus({ capacityBytes: SMALL_RING_BYTES, maxPendingBytes: 128 * 1024 });
  const got: number[] = [];
  bus.subscribe('/x', ({ event }: Envelope) => void got.push((event as { id: number }).id));
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const thread = new ScriptedThread(
    `
    const bus = ringcast.connectBus(data.bus);
    let id = 0;
    const event = () => ({ id: id++, filler: 'x'.repeat(900) });
    bus.publish('/x', event());
    say('connected');
    Atomics.wait(data.gate, 0, 0);
    let result;
    try { ${body} } catch (error) { result = error.code; }
    Atomics.store(data.gate, 0, 2);
    Atomics.notify(data.gate, 0);
    await bus.close();
    say(result);
  `,
    { bus: bus.handle, gate },
  );
  await thread.said();
  await until(() => got.length > 0);
  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);
  // The owner is blocked until the thread has done it.
  while (Atomics.load(gate, 0) === 1) Atomics.wait(gate, 0, 1);
  const result = await thread.said();
  await bus.close();
  return { result, got };
}

describe('while the owner is blocked', () => {
  test('publish turns to false, then throws that its queue is full; nothing that was accepted is lost', async () => {
    const { result, got } = await whileBlocked(`
      let queued = 0;
      try { for (;;) if (!bus.publish('/x', event())) queued++; }
      catch (error) { result = { code: error.code, queued, accepted: id - 1 }; }
    `);
    const { code, queued, accepted } = result as { code: string; queued: number; accepted: number };
    assert.equal(code, 'BUS_QUEUE_FULL');
    assert.ok(queued > 0);
    assert.deepEqual(
      got,
      Array.from({ length: accepted }, (_, index) => index),
    );
  });

  test('tryPublish turns to false', async () => {
    const { result, got } = await whileBlocked(`
      while (bus.tryPublish('/x', event()));
      result = { accepted: id - 1, refused: bus.stats().refused };
    `);
    const { accepted, refused } = result as { accepted: number; refused: number };
    assert.equal(refused, 1);
    assert.equal(got.length, accepted);
  });

  test('publishSync waits, and throws when its time is over', async () => {
    const { result, got } = await whileBlocked(`for (;;) bus.publishSync('/x', event(), { timeoutMs: 20 });`);
    assert.equal(result, 'BUS_PUBLISH_TIMEOUT');
    assert.ok(got.length > 1);
  });

  test('writable waits until the owner is back', async () => {
    const { result } = await whileBlocked(`
      while (bus.publish('/x', event()));
      Atomics.store(data.gate, 0, 2);
      Atomics.notify(data.gate, 0);
      await bus.writable();
      result = bus.stats().pending.events;
    `);
    assert.equal(result, 0);
  });

  test('close says what was not taken over by its time, which arrives all the same', async () => {
    const { result, got } = await whileBlocked(`
      for (let i = 0; i < 10; i++) bus.publish('/x', event());
      result = await bus.close({ drainTimeoutMs: 20 });
    `);
    assert.deepEqual(result, { undelivered: 10 });
    assert.equal(got.length, 11);
  });
});
