/** Threads that connect, publish once and end, thousands of them: nothing is lost, and nothing is left. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBus, type Envelope } from '../../src/index.js';
import { ScriptedThread } from '../support/scripted-thread.js';
import { usedBytes } from '../support/used-bytes.js';

const THREADS = 10_000;
/** At a time. */
const ABREAST = 4;
const WARM_THREADS = 200;
const MEMORY_SLACK_BYTES = 16 * 2 ** 20;

test('ten thousand threads that connect, publish once and end', { timeout: 7_200_000 }, async () => {
  const bus = createBus();
  const got = new Set<number>();
  let repeated = 0;
  bus.subscribe('/hello', ({ event }: Envelope) => {
    if (got.has(event as number)) repeated++;
    got.add(event as number);
  });
  let started = 0;
  let baselineBytes = 0;
  const work = async (): Promise<void> => {
    while (started < THREADS) {
      const id = started++;
      const body = "ringcast.connectBus(data.bus).publish('/hello', data.id);";
      assert.equal(await new ScriptedThread(body, { bus: bus.handle, id }).ended, 0);
      if (id === WARM_THREADS) baselineBytes = usedBytes();
    }
  };
  await Promise.all(Array.from({ length: ABREAST }, work));
  while (bus.stats().connections.length > 0) await new Promise(setImmediate);
  while (got.size < THREADS) await new Promise(setImmediate);
  assert.equal(repeated, 0);
  assert.equal(bus.stats().rescued, 0);
  const grownBytes = usedBytes() - baselineBytes;
  assert.ok(grownBytes < MEMORY_SLACK_BYTES, `${grownBytes} bytes more than after ${WARM_THREADS} threads`);
  await bus.close();
});
