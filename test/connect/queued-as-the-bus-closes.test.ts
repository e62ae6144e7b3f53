/** Events that wait on a thread's heap when the bus begins to close: each is delivered, or counted in one place. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { type Bus, createBus, type DisconnectReport } from '../../src/index.js';
import { fillRing, Latch, SMALL_RING_BYTES, until } from '../support/bus-scene.js';
import { ScriptedThread } from '../support/scripted-thread.js';

/** Events that wait on the heap, behind a full uplink. */
const QUEUED = 5;

/** What the thread says by the gate: it has heard that the bus closes, or something else came of its publish. */
const HEARD = 2;
const UNHEARD = 3;

/** Ends that wait for what is on the heap. The thread says that it is still there: from a timer that holds it no open. */
const STILL_HERE = `setTimeout(() => say('still here'), 20).unref();`;
const WAITING = {
  'has nothing else to do': STILL_HERE,
  'closes its connection': `void bus.close({ drainTimeoutMs: Infinity }); ${STILL_HERE}`,
} as const;
/** Ends that drop it. */
const DROPPING = {
  'destroys its connection': `bus.destroy();`,
  'calls process.exit': `process.exit(0);`,
} as const;

class Scene {
  readonly bus: Bus = createBus({ capacityBytes: SMALL_RING_BYTES });
  readonly report = once(this.bus, 'disconnect') as Promise<[DisconnectReport]>;
  readonly #gate = new Int32Array(new SharedArrayBuffer(4));
  readonly #opened = new Latch();
  readonly thread: ScriptedThread;
  /** Events that the bus's own thread has published, and how many the subscriber got. */
  #own = 0;
  got = 0;
  accepted = 0;

  /** @param end what the thread does when it has heard that the bus closes */
  constructor(end: string) {
    this.bus.subscribe('/a', () => {
      this.got++;
      return this.#opened.opened;
    });
    this.#own = fillRing(this.bus, '/a');
    this.thread = new ScriptedThread(
      `
      const bus = ringcast.connectBus(data.bus);
      let accepted = 0;
      const publish = () => bus.publish('/a', { id: accepted, text: 'x'.repeat(7_500) });
      for (; bus.stats().pending.events < data.queued; accepted++) publish();
      say(accepted);
      // It has no turn in which what is queued could go on.
      Atomics.wait(data.gate, 0, 0);
      try {
        publish();
      } catch ({ code }) {
        Atomics.store(data.gate, 0, code === 'BUS_CLOSED' ? ${HEARD} : ${UNHEARD});
      }
      ${end}
    `,
      { bus: this.bus.handle, gate: this.#gate, queued: QUEUED },
    );
  }

  /** Resolves when the bus has begun to close and the thread, with events on its heap, has heard of it. */
  async close(): Promise<{ readonly result: ReturnType<Bus['close']> }> {
    this.accepted = this.#own + ((await this.thread.said()) as number);
    const result = this.bus.close({ drainTimeoutMs: Number.POSITIVE_INFINITY });
    Atomics.store(this.#gate, 0, 1);
    Atomics.notify(this.#gate, 0);
    await until(() => Atomics.load(this.#gate, 0) >= HEARD);
    assert.equal(Atomics.load(this.#gate, 0), HEARD);
    return { result };
  }

  /** The subscriber lets go of the ring. */
  open(): void {
    this.#opened.open();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.bus.destroy();
    this.open();
    await this.thread.worker.terminate();
  }
}

describe('what a thread had queued on its heap when the bus began to close', { timeout: 600_000 }, () => {
  for (const [end, program] of Object.entries(WAITING)) {
    test(`is delivered where the thread ${end}`, async () => {
      await using scene = new Scene(program);
      const { result } = await scene.close();
      assert.equal(await scene.thread.said(), 'still here');
      scene.open();
      assert.deepEqual(await result, { undelivered: 0 });
      const [{ lost }] = await scene.report;
      assert.deepEqual([scene.got, lost, scene.bus.stats().cut.events], [scene.accepted, 0, 0]);
      assert.equal(await scene.thread.ended, 0);
    });
  }

  for (const [end, program] of Object.entries(DROPPING)) {
    test(`is counted as lost where the thread ${end}, and nothing else is`, async () => {
      await using scene = new Scene(program);
      const { result } = await scene.close();
      await scene.thread.ended;
      scene.open();
      assert.deepEqual(await result, { undelivered: 0 });
      const [{ reason, lost }] = await scene.report;
      assert.equal(reason, program === DROPPING['destroys its connection'] ? 'closed' : 'thread ended');
      assert.deepEqual([lost, scene.bus.stats().cut.events], [QUEUED, QUEUED]);
      assert.equal(scene.got, scene.accepted - QUEUED);
    });
  }

  for (const [end, program] of Object.entries({ 'has nothing else to do': STILL_HERE, ...DROPPING })) {
    test(`is counted once where the thread ${end} and the bus is destroyed`, async () => {
      await using scene = new Scene(program);
      const { result } = await scene.close();
      // It is over, or says that it waits.
      await (program === STILL_HERE ? scene.thread.said() : scene.thread.ended);
      scene.bus.destroy();
      const { undelivered } = await result;
      const [{ lost }] = await scene.report;
      const { cut } = scene.bus.stats();
      assert.equal(lost, QUEUED);
      assert.equal(undelivered + cut.events, scene.accepted, `${undelivered} undelivered, ${cut.events} cut`);
    });
  }
});

/** Of the thread in the test below: more than an uplink of this size takes at once, so that some stay. */
const QUEUED_EVENTS = 60;

test('what a thread has moved from its heap to its uplink is counted once where the bus is destroyed', {
  timeout: 600_000,
}, async () => {
  const bus = createBus({ capacityBytes: SMALL_RING_BYTES });
  let got = 0;
  let open!: () => void;
  bus.subscribe('/a', () => {
    got++;
    return new Promise<void>((resolve) => {
      open = resolve;
    });
  });
  const thread = new ScriptedThread(
    `
    const bus = ringcast.connectBus(data.bus);
    let accepted = 0;
    for (; bus.stats().pending.events < data.queued; accepted++) bus.publish('/a', 'x'.repeat(3_000));
    say(accepted);
    setInterval(() => {}, 1_000);
  `,
    { bus: bus.handle, queued: QUEUED_EVENTS },
  );
  try {
    const accepted = await thread.said();
    // One event after another, until some have left the heap: how many that takes depends on what the thread waits for.
    for (let before = 0; ; before = got) {
      await until(() => got > before);
      if (bus.stats().connections[0]!.pending < QUEUED_EVENTS) break;
      open();
    }
    const { undelivered } = await bus.close({ drainTimeoutMs: 0 });
    // The event in hand has not been delivered.
    assert.equal(got - 1 + undelivered, accepted);
  } finally {
    open();
    bus.destroy();
    await thread.worker.terminate();
  }
});
