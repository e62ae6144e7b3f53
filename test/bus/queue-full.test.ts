import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BurstFlush } from '../../src/publish/burst-flush.js';
import type { EventWriter } from '../../src/publish/event-writer.js';
import { allocateCounters } from '../../src/publish/owner-counters.js';
import type { PendingRecord } from '../../src/publish/pending-queue.js';
import { PendingWriter } from '../../src/publish/pending-writer.js';
import { PublishOrder } from '../../src/publish/publish-order.js';
import { Readers } from '../../src/publish/readers.js';
import { ringAt } from '../support/ring-rig.js';

test('an event is refused by a queue that is full, and full it still is, though a thread makes room meanwhile', () => {
  const { writer } = ringAt();
  const order = new PublishOrder(writer, allocateCounters());
  let hasRoom = false;
  const events = {
    writeRecord: () => {
      // Between one look at the ring and the next.
      const written = hasRoom;
      hasRoom = true;
      return written;
    },
  } as unknown as EventWriter;
  const burst = { written: () => {} } as unknown as BurstFlush;
  const pending = new PendingWriter(order, writer, events, burst, new Readers(), 150, () => {});
  const recordOf = (bytes: number): PendingRecord => ({ body: Buffer.alloc(bytes), endsBefore: 0 }) as PendingRecord;
  pending.enqueue(recordOf(100), 0);
  hasRoom = false;
  order.queue.insert(recordOf(100), 1);
  const before = order.queue.bytes;
  assert.throws(() => pending.enqueue(recordOf(100), order.queue.length), { code: 'BUS_QUEUE_FULL' });
  assert.equal(order.queue.bytes, before);
});
