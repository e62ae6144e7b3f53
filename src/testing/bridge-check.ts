/** What every bridge has to do, as a test that its author runs. */
import assert from 'node:assert/strict';
import { monotonicMs, sleep } from '../host/timing.js';
import { type Bridge, type Bus, createBus, type Envelope } from '../index.js';

/** A bridge to be checked, and what its other side can do. */
export interface BridgeSubject {
  /** Makes the bridge for a bus. One that does not attach itself is attached by the check. */
  create(bus: Bus): Bridge | Promise<Bridge>;
  /** Has the other side send an event that comes in on `topic`; omitted by bridges that only send. */
  readonly send?: (topic: string) => unknown;
  /** The topics of the events that the other side has got; omitted by bridges that only receive. */
  readonly received?: () => readonly string[] | Promise<readonly string[]>;
  /** How long to wait for anything, ms; default 20,000. */
  readonly timeoutMs?: number;
}

/**
 * Checks a bridge: that it has what a bridge has, that events pass it once and do not come back, and that it ends with its
 * bus and before it. Works with any test runner: it rejects with an `AssertionError` that says what is wrong.
 *
 * @example
 * await checkBridge({ create: (bus) => new MyBridge(bus), send: (topic) => other.publish(topic), received: () => other.topics });
 */
export async function checkBridge(subject: BridgeSubject): Promise<void> {
  await checkShape(subject);
  if (subject.send !== undefined) await checkIncoming(subject, subject.send);
  if (subject.received !== undefined) await checkOutgoing(subject, subject.received);
  await checkEnd(subject);
  await checkEndWithBus(subject);
}

async function checkShape(subject: BridgeSubject): Promise<void> {
  await withBridge(subject, async (bridge, bus) => {
    for (const method of ['on', 'off', 'stats', 'close'] as const)
      assert.equal(typeof bridge[method], 'function', `the bridge has a method ${method}`);
    assert.equal(typeof bridge.ready?.then, 'function', 'ready is a promise');
    const shown = bus.stats().bridges.filter(({ name }) => name === bridge.name);
    assert.equal(shown.length, 1, 'it is attached once, under its name');
    await until(subject, () => bus.stats().bridges[0]?.state === 'connected', 'once it is ready, it is connected');
    for (const [key, value] of Object.entries(bridge.stats())) {
      const kinds = ['number', 'string', 'boolean', 'undefined'];
      assert.ok(kinds.includes(typeof value), `stats().${key} is a number, a string or a boolean`);
    }
    const listener = (): void => {};
    for (const event of ['connected', 'disconnected', 'gap'] as const) {
      bridge.on(event as 'connected', listener);
      bridge.off(event as 'connected', listener);
    }
  });
}

async function checkIncoming(subject: BridgeSubject, send: (topic: string) => unknown): Promise<void> {
  await withBridge(subject, async (_bridge, bus) => {
    const got: Envelope[] = [];
    bus.subscribe('/check/**', (envelope) => void got.push(envelope));
    for (const topic of ['/check/in/1', '/check/in/2']) await send(topic);
    await until(subject, () => got.length >= 2, 'what the other side sends comes in');
    assert.deepEqual(topicsOf(got), ['/check/in/1', '/check/in/2'], 'each event comes in once, in order');
    for (const { origin } of got)
      assert.ok(origin !== undefined, 'what comes in has an origin, so that it need not go out again');
  });
}

async function checkOutgoing(
  subject: BridgeSubject,
  received: () => readonly string[] | Promise<readonly string[]>,
): Promise<void> {
  await withBridge(subject, async (_bridge, bus) => {
    const back: Envelope[] = [];
    bus.subscribe('/check/**', (envelope) => {
      if (envelope.origin !== undefined) back.push(envelope);
    });
    const sent = ['/check/out/1', '/check/out/2', '/check/out/last'];
    const ours = async (): Promise<string[]> => (await received()).filter((topic) => topic.startsWith('/check/out/'));
    for (const topic of sent) bus.publish(topic, { from: 'the check' });
    await until(subject, async () => (await ours()).includes('/check/out/last'), 'what is published goes out');
    assert.deepEqual(await ours(), sent, 'each event goes out once, in order');
    // What comes in is not sent back either; another event behind it shows that it had its chance.
    if (subject.send !== undefined) {
      await subject.send('/check/back');
      await until(subject, () => topicsOf(back).includes('/check/back'), 'what the other side sends comes in');
      bus.publish('/check/out/behind', {});
      await until(subject, async () => (await ours()).includes('/check/out/behind'), 'what is published goes out');
      const returned = (await received()).filter((topic) => topic === '/check/back').length;
      assert.ok(returned <= 1, 'what came in does not go out again');
    }
    assert.deepEqual(
      topicsOf(back).filter((topic) => topic.startsWith('/check/out/')),
      [],
      'what went out does not come back',
    );
    const reserved = (await received()).filter((topic) => topic.startsWith('/ringcast/'));
    assert.deepEqual(reserved, [], 'what the bus tells of itself does not go out');
  });
}

async function checkEnd(subject: BridgeSubject): Promise<void> {
  await withBridge(subject, async (bridge, bus) => {
    await Promise.all([bridge.close(), bridge.close()]);
    await bridge.close();
    assert.equal(typeof bridge.stats(), 'object', 'its counters can be read after its end');
    assert.deepEqual(bus.stats().subscriptions, [], 'it leaves no subscription behind');
    assert.ok(bus.publish('/check/after', {}), 'the bus goes on without it');
  });
}

async function checkEndWithBus(subject: BridgeSubject): Promise<void> {
  await withBridge(subject, async (bridge, bus) => {
    bus.publish('/check/before', {});
    const { undelivered } = await bus.close({ drainTimeoutMs: subject.timeoutMs ?? DEFAULT_TIMEOUT_MS });
    assert.equal(undelivered, 0, 'it ends with its bus, and leaves nothing undelivered');
    assert.deepEqual(bus.stats().bridges, [], 'it is no longer attached');
    await bridge.close();
  });
}

const DEFAULT_TIMEOUT_MS = 20_000;

async function withBridge(subject: BridgeSubject, check: (bridge: Bridge, bus: Bus) => Promise<void>): Promise<void> {
  const bus = createBus();
  try {
    const bridge = await subject.create(bus);
    const attached = bus.stats().bridges.some(({ name }) => name === bridge.name);
    const attachment = attached ? undefined : bus.attach(bridge);
    try {
      await bridge.ready;
      await check(bridge, bus);
    } finally {
      await bridge.close();
      attachment?.detach();
    }
  } finally {
    bus.destroy();
  }
}

async function until(
  { timeoutMs = DEFAULT_TIMEOUT_MS }: BridgeSubject,
  holds: () => boolean | Promise<boolean>,
  what: string,
): Promise<void> {
  const endMs = monotonicMs() + timeoutMs;
  while (!(await holds())) {
    assert.ok(monotonicMs() < endMs, `${what} (not within ${timeoutMs} ms)`);
    await sleep(5);
  }
}

function topicsOf(envelopes: readonly Envelope[]): string[] {
  return envelopes.map(({ topic }) => topic);
}
