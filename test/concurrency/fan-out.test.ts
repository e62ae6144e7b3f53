import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createBus } from '../../src/index.js';
import { checksumOf, type FanOutData } from '../fixtures/workers/fan-out-checker.js';
import { closeDelivered, range, workerModule } from '../support/bus-scene.js';
import { size } from '../support/full.js';

const EVENTS = size(250_000, 1_000_000);
const TOPICS = ['/red/x/t0', '/red/y/t1', '/blue/x/t2', '/blue/y/t3', '/green/deep/er/t4', '/nobody/t5'];
const GLOBS: readonly [glob: string, wanted: readonly number[]][] = [
  ['/red/**', [0, 1]],
  ['/*/x/*', [0, 2]],
  ['/{blue,green}/**', [2, 3, 4]],
  ['/green/**/t4', [4]],
];
/** Growth of the process over three quarters of the run that no honest run shows. Of a million events, a leak of 64 B each exceeds it. */
const MAX_GROWTH_BYTES = 48 * 1024 * 1024;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function memory(): { readonly rss: number; readonly heap: number } {
  collect();
  const { rss, heapUsed } = process.memoryUsage();
  return { rss, heap: heapUsed };
}

test(`${EVENTS} events to four threads: each gets exactly its own, in order, once; memory is flat`, {
  timeout: 600_000,
}, async () => {
  await using bus = createBus({ capacityBytes: 1024 * 1024 });
  const threads = GLOBS.map(([glob, wanted]) => {
    const counts = new Int32Array(new SharedArrayBuffer(16));
    const data: FanOutData = { counts, wanted };
    return { counts, wanted, subscription: bus.subscribe(glob, workerModule('fan-out-checker'), { data }) };
  });
  await Promise.all(threads.map(({ subscription }) => subscription.ready));
  const sent = TOPICS.map(() => 0);
  let warm = memory();
  for (const quarter of range(4)) {
    for (let i = (quarter * EVENTS) / 4; i < ((quarter + 1) * EVENTS) / 4; i++) {
      // No period in common with anything else.
      const mixed = (Math.imul(i, 0x9e3779b1) >>> 8) & 0xffff;
      const which = mixed % TOPICS.length;
      sent[which]!++;
      const event = { id: i, topic: which, checksum: checksumOf(i, which) };
      if (!bus.publish(TOPICS[which]!, event)) await bus.writable();
    }
    if (quarter === 0) warm = memory();
  }
  const end = memory();
  await closeDelivered(bus);
  for (const { counts, wanted, subscription } of threads) {
    const expected = wanted.reduce((sum, topic) => sum + sent[topic]!, 0);
    assert.deepEqual([...counts], [expected, 0, 0, 0], `${subscription.filter}`);
    const { delivered, failed, scanned, rescued } = subscription.stats();
    assert.deepEqual([delivered, failed, rescued], [expected, 0, 0], `${subscription.filter}`);
    assert.ok(scanned >= delivered && scanned <= EVENTS - sent[5]!);
  }
  const { published, unwanted, written, refused, rescued } = bus.stats();
  assert.deepEqual([published, unwanted, written, refused, rescued], [EVENTS, sent[5], EVENTS - sent[5]!, 0, 0]);
  assert.ok(end.rss - warm.rss < MAX_GROWTH_BYTES, `resident memory grew by ${end.rss - warm.rss} bytes`);
  assert.ok(end.heap - warm.heap < MAX_GROWTH_BYTES / 8, `the heap grew by ${end.heap - warm.heap} bytes`);
});
