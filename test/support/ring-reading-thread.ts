/** Thread of the ring's torture test: reads until the last record, and fails on the first that is not as it should be. */
import assert from 'node:assert/strict';
import { parentPort, workerData } from 'node:worker_threads';
import { distance } from '../../src/memory/position.js';
import type { Batch } from '../../src/ring/batch-memory.js';
import * as record from '../../src/ring/record-descriptor.js';
import { attachRing } from '../../src/ring/ring-memory.js';
import { RingReader } from '../../src/ring/ring-reader.js';
import { mix, pause, type Traffic, wantsOf } from './ring-traffic.js';

const { traffic, slot } = workerData as { traffic: Traffic; slot: number };
const reader = new RingReader(attachRing(traffic.buffers), slot, traffic.startPosition, () => {});
const wanted = (sequence: number): boolean => (wantsOf(sequence, traffic) & (1 << slot)) !== 0;

const counts = { received: 0, scanned: 0, skipped: 0, sleeps: 0, rescued: 0 };
let nextSequence = 0;
/** Set by a wake-up that did not come from the writer: a wanted record before it was missed. */
let watchUntil: number | undefined;

function read(batch: Batch): void {
  for (let offset = batch.start; offset < batch.end; ) {
    const word = offset >> 2;
    const length = batch.words[word + record.LENGTH_WORD]!;
    const end = word + record.unitsOf(length) * record.UNIT_WORDS;
    assert.ok(length >= record.HEADER_BYTES && end * 4 <= batch.end, `length ${length}`);
    if (batch.words[word + record.KIND_WORD] === record.EVENT_RECORD) {
      const sequence = batch.words[word + record.SEQUENCE_LOW_WORD]!;
      assert.equal(sequence, nextSequence);
      for (let at = word + record.UNIT_WORDS; at < end; at++) {
        if (batch.words[at] !== sequence) assert.fail(`record ${sequence} is torn: ${batch.words[at]} at ${at - word}`);
      }
      if (wanted(sequence)) {
        counts.received++;
        const position = (batch.position + ((offset - batch.start) >> record.UNIT_SHIFT)) | 0;
        if (watchUntil !== undefined && distance(position, watchUntil) < 0) counts.rescued++;
        watchUntil = undefined;
      }
      counts.scanned++;
      nextSequence++;
    }
    // Hands part of the batch back while it is being read.
    const next = end * 4;
    if (mix(nextSequence) % 64 === 0) {
      reader.release((batch.position + ((next - batch.start) >> record.UNIT_SHIFT)) | 0, nextSequence);
    }
    offset = next;
  }
  reader.release(reader.taken, nextSequence);
}

function sleep(): void {
  counts.sleeps++;
  // Now and then a sleep ends for another reason than a record, as for a change of filters.
  const impatient = mix(counts.sleeps + slot) % 16 === 0;
  let suspect: number | undefined;
  while (!reader.sleep.awake) {
    reader.sleep.waitAwake(impatient ? 1 : 250);
    if (reader.sleep.awake || (impatient && reader.sleep.wakeSelf())) break;
    const unread = reader.sleep.flushedUnread;
    const certain = unread !== undefined && unread === suspect;
    suspect = unread;
    if (certain && reader.sleep.wakeSelf()) {
      watchUntil = unread;
      break;
    }
  }
  const sequence = reader.resume();
  if (sequence < 0) return;
  for (; nextSequence < sequence; nextSequence++) {
    assert.ok(!wanted(nextSequence), `record ${nextSequence} was skipped`);
    counts.skipped++;
  }
  assert.equal(nextSequence, sequence, 'the cursor moved back');
}

for (let turn = 1; nextSequence < traffic.records; turn++) {
  const batch = reader.take(1 + (mix(turn) % 20_000));
  if (batch !== undefined) read(batch);
  else if (nextSequence < traffic.records && reader.sleep.fallAsleep()) sleep();
  if (mix(turn + slot) % 2003 === 0) pause(1);
}
parentPort!.postMessage(counts);
