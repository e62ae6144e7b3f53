/** The memory of a containerd whose subscriber is a bus that takes nothing. Prints it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, type TestContext, test } from 'node:test';
import { fromContainerd, toContainerd } from '../../../src/bridges/containerd/index.js';
import { createBus } from '../../../src/index.js';
import { Latch, range, until } from '../../support/bus-scene.js';
import { Containerd, noContainerd } from '../../support/containerd.js';

const EVENT_BYTES = 65_536;
const EVENTS = 4_096;
const SENT_MIB = (EVENTS * EVENT_BYTES) / 2 ** 20;

/** A daemon, a bus that holds its source up, and what sends events through the daemon. */
async function scene(t: TestContext, maxPausedMs: number) {
  const daemon = await Containerd.start(t);
  const latch = new Latch();
  const bus = createBus({ capacityBytes: 2 ** 20, maxPendingBytes: 0, stallTimeoutMs: 2 ** 31 - 1 });
  bus.subscribe('/held/**', () => latch.opened);
  const source = await fromContainerd(bus, { address: daemon.address, maxPausedMs });
  const own = createBus({ capacityBytes: 64 * 2 ** 20 });
  const sink = await toContainerd(own, '/**', { address: daemon.address });
  t.after(async () => {
    latch.open();
    await source.close();
    await sink.close();
    own.destroy();
    bus.destroy();
  });
  await source.ready;
  return {
    source,
    rssMib: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${daemon.pid}/status`, 'utf8'))![1]) / 1024,
    async send(): Promise<void> {
      const before = sink.stats().forwarded;
      const payload = 'x'.repeat(EVENT_BYTES);
      for (let sent = 0; sent < EVENTS; sent++) if (!own.publish('/held/large', { payload })) await own.writable();
      await until(() => sink.stats().forwarded === before + EVENTS);
    },
  };
}

describe('a containerd whose subscriber takes nothing', { skip: noContainerd(), timeout: 600_000 }, () => {
  test('keeps everything for a source that waits on', async (t) => {
    const { rssMib, send } = await scene(t, 2 ** 31 - 1);
    const before = rssMib();
    await send();
    t.diagnostic(`${Math.round(before)} MiB, and after ${SENT_MIB} MiB of events ${Math.round(rssMib())} MiB`);
    assert.ok(rssMib() - before > SENT_MIB);
  });

  test('keeps nothing for a source that has given up its subscription', async (t) => {
    const { source, rssMib, send } = await scene(t, 1_000);
    let gaps = 0;
    source.on('gap', () => gaps++);
    const before = rssMib();
    await send();
    const paused = rssMib();
    // The daemon frees what it held when its collector runs.
    for (const _ of range(3)) await send();
    t.diagnostic(
      `${Math.round(before)} MiB, after ${SENT_MIB} MiB of events ${Math.round(paused)} MiB, after three times as many more ${Math.round(rssMib())} MiB`,
    );
    assert.ok(rssMib() - before < 2 * SENT_MIB);
    assert.equal(source.stats().subscriptions, 1);
    assert.equal(gaps, 0, 'told when it is subscribed again');
  });
});
