/** A ring in one thread, and records that say what they are. */
import assert from 'node:assert/strict';
import type { Batch } from '../../src/ring/batch-memory.js';
import * as record from '../../src/ring/record-descriptor.js';
import { allocateRing, attachRing, MIN_CAPACITY_BYTES, type RingMemory } from '../../src/ring/ring-memory.js';
import { RingReader } from '../../src/ring/ring-reader.js';
import { RingWriter } from '../../src/ring/ring-writer.js';

export const CAPACITY_UNITS = MIN_CAPACITY_BYTES / record.UNIT_BYTES;

export interface Rig {
  readonly memory: RingMemory;
  readonly writer: RingWriter;
  /** Readers that were notified, in order. */
  readonly notified: number[];
  /** Readers whose release made the room that a parked writer waits for. */
  readonly madeRoom: number[];
  reader(gates?: boolean): RingReader;
}

/** A ring of the least capacity. */
export function ringAt(startPosition = 0): Rig {
  return rigOver(attachRing(allocateRing(MIN_CAPACITY_BYTES, startPosition)), startPosition);
}

export function rigOver(memory: RingMemory, startPosition: number): Rig {
  const notified: number[] = [];
  const madeRoom: number[] = [];
  const writer = new RingWriter(memory, (reader) => notified.push(reader), startPosition);
  return {
    memory,
    writer,
    notified,
    madeRoom,
    reader(gates = true) {
      const slot = writer.join(gates);
      assert.notEqual(slot, -1);
      return new RingReader(memory, slot, writer.tail, () => madeRoom.push(slot));
    },
  };
}

/** The bit of a reader among the low 32. */
export function bitOf(reader: RingReader): number {
  return 1 << reader.reader;
}

/** Writes a record of `units` units, each word of its body its sequence. False when the ring is full. */
export function write(writer: RingWriter, units: number, wantedLow = 0, wantedHigh = 0): boolean {
  const bytes = units * record.UNIT_BYTES;
  const offset = writer.claim(bytes);
  if (offset < 0) return false;
  const word = offset >> 2;
  writer.memory.words.fill(writer.sequence | 0, word + record.UNIT_WORDS, word + units * record.UNIT_WORDS);
  writer.commit(bytes, record.EVENT_RECORD, 1, 0, 0, 0, 0, wantedLow, wantedHigh);
  return true;
}

export interface ReadRecord {
  readonly sequence: number;
  readonly units: number;
}

/** The events of a batch; fails unless they are whole and hold what {@link write} wrote. */
export function eventsOf(batch: Batch): ReadRecord[] {
  const events: ReadRecord[] = [];
  for (let offset = batch.start; offset < batch.end; ) {
    const word = offset >> 2;
    const length = batch.words[word + record.LENGTH_WORD]!;
    const units = record.unitsOf(length);
    assert.ok(units > 0 && offset + units * record.UNIT_BYTES <= batch.end, `length ${length} at ${offset}`);
    if (batch.words[word + record.KIND_WORD] === record.EVENT_RECORD) {
      const low = batch.words[word + record.SEQUENCE_LOW_WORD]!;
      const sequence = (low >>> 0) + batch.words[word + record.SEQUENCE_HIGH_WORD]! * 2 ** 32;
      for (let at = word + record.UNIT_WORDS; at < word + units * record.UNIT_WORDS; at++) {
        assert.equal(batch.words[at], low, `torn record ${sequence}`);
      }
      events.push({ sequence, units });
    } else {
      assert.equal(batch.words[word + record.KIND_WORD], record.PADDING_RECORD);
    }
    offset += units * record.UNIT_BYTES;
  }
  return events;
}

/** Releases up to `position`; tests that follow sequences say which one is next there. */
export function release(reader: RingReader, position: number, nextSequence = 0): void {
  reader.release(position | 0, nextSequence);
}

/** Takes all that is there, releasing each batch. */
export function readAll(reader: RingReader, maxBytes?: number): ReadRecord[] {
  const events: ReadRecord[] = [];
  for (let batch = reader.take(maxBytes); batch !== undefined; batch = reader.take(maxBytes)) {
    events.push(...eventsOf(batch));
    release(reader, reader.taken, (events.at(-1)?.sequence ?? -1) + 1);
  }
  return events;
}

export function sequences(events: readonly ReadRecord[]): number[] {
  return events.map((event) => event.sequence);
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}
