/** Room that the owner makes in an uplink before it has the thread's port, on which it would say so. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBus } from '../../src/index.js';
import { closeDelivered, until } from '../support/bus-scene.js';
import { ScriptedThread } from '../support/scripted-thread.js';

/** The thread looks every 10 ms by itself until they have met: a round may miss the moment. */
const ROUNDS = 5;

test('a thread that waits for room when the owner has heard of it, and not yet met it, goes on', {
  timeout: 600_000,
}, async (t) => {
  for (let round = 0; round < ROUNDS; round++) {
    await using bus = createBus({ capacityBytes: 1024 * 1024 });
    let got = 0;
    let hasLeft = false;
    bus.once('disconnect', () => {
      hasLeft = true;
    });
    bus.subscribe('/a', () => void got++);
    const held: (() => void)[] = [];
    // The greeting comes by two ways. This holds up the one that brings the port.
    const { emit } = process;
    t.mock.method(process, 'emit', function (this: NodeJS.Process, ...args: Parameters<typeof emit>) {
      if ((args[0] as string) !== 'workerMessage') return emit.apply(this, args);
      held.push(() => emit.apply(this, args));
      return true;
    });
    const parked = new Int32Array(new SharedArrayBuffer(4));
    const thread = new ScriptedThread(
      `
      say('loaded');
      Atomics.wait(data.parked, 0, 0);
      const bus = ringcast.connectBus(data.bus);
      let published = 1;
      while (bus.publish('/a', 'x'.repeat(1_000))) published++;
      const writable = bus.writable();
      setImmediate(() => {
        Atomics.store(data.parked, 0, 2);
        Atomics.notify(data.parked, 0);
      });
      await writable;
      say(published);
      await bus.close();
    `,
      { bus: bus.handle, parked },
    );
    t.after(() => thread.worker.terminate());
    assert.equal(await thread.said(), 'loaded');
    Atomics.store(parked, 0, 1);
    Atomics.notify(parked, 0);
    while (Atomics.load(parked, 0) === 1) Atomics.wait(parked, 0, 1);
    // It may have looked, gone on and left meanwhile.
    await until(() => held.length > 0 && (hasLeft || bus.stats().connections[0]?.uplinkBytes === 0));
    for (const emitNow of held.splice(0)) emitNow();
    t.mock.restoreAll();
    const published = await thread.said();
    await thread.ended;
    // Taken over, all of it; handled when the loop has had its turns.
    await closeDelivered(bus);
    assert.equal(got, published);
  }
});
