/** Writer and readers for the scheduler: the shipped classes, and what must be true of what they do. */
import assert from 'node:assert/strict';
import type { Batch } from '../../src/ring/batch-memory.js';
import { slotOf, WAKE } from '../../src/ring/control-descriptor.js';
import * as record from '../../src/ring/record-descriptor.js';
import type { RingMemory } from '../../src/ring/ring-memory.js';
import { RingReader } from '../../src/ring/ring-reader.js';
import { RingWriter } from '../../src/ring/ring-writer.js';
import { nextLife, ToldLag } from '../../src/worker/supervision/next-life.js';
import type { LifeStart } from '../../src/worker/worker-protocol.js';
import type { Mail, Message, Program } from './interleaving.js';

const { EVENT_RECORD, UNIT_BYTES, UNIT_WORDS } = record;

/** The least ring in which each step of INTENT is a unit; records of 20 units fill it. */
export const TINY_CAPACITY_BYTES = 64 * UNIT_BYTES;
/** The writer is the first thread. */
const WRITER = 0;

export const ROOM = 1;
export const EXIT = 2;
export const ENDED = 3;

export interface PlannedRecord {
  readonly units: number;
  /** The readers that want it, one bit each. The last record of a plan is wanted by all. */
  readonly wants: number;
}

export interface Plan {
  readonly startPosition: number;
  readonly records: readonly PlannedRecord[];
  /** For each reader, in the order of threads and slots, whether it gates. */
  readonly readers: readonly boolean[];
  readonly wait: 'block' | 'park';
  /** Records after which sleepers are woken, besides the last; the others are only looked at for whether it is due. */
  readonly flushAfter: readonly number[];
  /** Reader that is evicted before a record. */
  readonly evict?: { readonly reader: number; readonly before: number };
  /** A parked writer goes on waiting when a thread has exited. */
  readonly deafToExits?: boolean;
  /** Thread that is told what readers get and miss, and when all have ended. */
  readonly ledger?: number;
  /** In place of the shipped one. */
  readonly nextLife?: typeof nextLife;
}

/** Records that a life of a reader got, or missed and told of. */
export interface Entry {
  readonly kind: 'got' | 'missed';
  readonly life: number;
  readonly first: number;
  readonly count: number;
}

/** Every unit of a record's body says which record it is of; some by a write that is a step. */
function markOf(unit: number): number {
  return unit * UNIT_WORDS + (unit % 8 === 0 ? 0 : 1);
}

export function writing(plan: Plan): Program {
  return (memory, mail) => {
    const notify = (reader: number): void => memory.cells.notify(slotOf(reader) + WAKE);
    const writer = new RingWriter(memory, notify, plan.startPosition);
    for (const gates of plan.readers) writer.join(gates);
    plan.readers.forEach((_, reader) => {
      mail.send(1 + reader, 0);
    });
    let ended = 0;
    let written = false;
    const told = new ToldLag();
    const handle = (message: Message): void => {
      if (message === ENDED) {
        ended++;
      } else if (typeof message === 'object') {
        const entry = message as Entry;
        told.add({ range: entry, handledBefore: 0, since: entry.count });
        mail.send(plan.ledger!, entry);
      } else if (message >= EXIT * 256) {
        const reader = message - EXIT * 256;
        mail.send(1 + plan.readers.length, (plan.nextLife ?? nextLife)(writer, reader, told, []));
        if (written && !mayWait(plan, reader)) mail.send(1 + plan.readers.length, ENDED);
      }
    };
    let scheduled = false;
    for (const [sequence, { units, wants }] of plan.records.entries()) {
      if (plan.evict?.before === sequence) writer.evict(plan.evict.reader);
      for (let message = mail.poll(); message !== undefined; message = mail.poll()) handle(message);
      // Room for the longest padding, too.
      const roomBytes = 2 * units * UNIT_BYTES;
      let offset = writer.claim(units * UNIT_BYTES);
      for (; offset < 0; offset = writer.claim(units * UNIT_BYTES)) {
        if (plan.wait === 'block') writer.wait.block(roomBytes, 1);
        else if (writer.wait.park(roomBytes)) {
          let message: Message;
          do handle((message = mail.receive()));
          while (plan.deafToExits && message !== ROOM);
        }
      }
      for (let unit = 1; unit < units; unit++) memory.words[(offset >> 2) + markOf(unit)] = sequence;
      writer.commit(units * UNIT_BYTES, EVENT_RECORD, 1, 0, 0, 0, 0, wants, 0);
      if (plan.flushAfter.includes(sequence)) {
        writer.flush();
        scheduled = false;
      } else if (!scheduled) scheduled = writer.flushDue;
    }
    if (scheduled) writer.flush();
    written = true;
    for (const reader of plan.readers.keys()) {
      if (mayWait(plan, reader)) continue;
      mail.send(1 + reader, ENDED);
      // Whoever has taken over; one that does so later is told then.
      if (plan.ledger !== undefined) mail.send(1 + plan.readers.length, ENDED);
    }
    while (plan.deafToExits === undefined ? false : ended < plan.readers.length) handle(mail.receive());
    if (plan.ledger !== undefined) mail.send(plan.ledger, ENDED);
  };
}

/** Whether a reader holds the writer back to the end, and so reads to the last record by itself. */
function mayWait(plan: Plan, reader: number): boolean {
  return plan.readers[reader]! && plan.evict?.reader !== reader;
}

export interface ReadingOptions {
  /** Wakes itself whenever a wait ends early. */
  readonly impatient?: boolean;
  readonly maxBytes?: number;
  /** Tells the writer at the end. */
  readonly tellsEnd?: boolean;
}

/** A lossless reader: reads to the last record. */
export function reading(plan: Plan, slot: number, options: ReadingOptions = {}): Program {
  return (memory, mail) => {
    mail.receive();
    readToEnd(plan, slot, options, memory, mail, plan.startPosition, 0);
  };
}

/** Waits until a reader's thread was killed; where the next life begins. */
function takeOver(slot: number, mail: Mail): LifeStart {
  mail.awaitKill(1 + slot);
  mail.send(WRITER, EXIT * 256 + slot);
  let message: Message;
  // The writer may have ended before: that it has is said again.
  do message = mail.receive();
  while (typeof message === 'number');
  return message as LifeStart;
}

/** Takes over a lossless reader, at its cursor. */
export function succeeding(plan: Plan, slot: number): Program {
  return (memory, mail) => {
    const { position, nextSequence, missed } = takeOver(slot, mail);
    assert.ok(!missed, 'a lossless reader has missed records');
    readToEnd(plan, slot, { tellsEnd: true }, memory, mail, position, nextSequence);
  };
}

function readToEnd(
  plan: Plan,
  slot: number,
  { impatient = false, maxBytes = TINY_CAPACITY_BYTES, tellsEnd = false }: ReadingOptions,
  memory: RingMemory,
  mail: Mail,
  position: number,
  firstSequence: number,
): void {
  const reader = new RingReader(memory, slot, position, () => mail.send(WRITER, ROOM));
  let next = firstSequence;
  while (next < plan.records.length) {
    const batch = reader.take(maxBytes);
    if (batch !== undefined) {
      for (const sequence of sequencesOf(batch, plan)) assert.equal(sequence, next++, 'out of order');
      reader.release(reader.taken, next);
    } else if (reader.sleep.fallAsleep()) {
      while (!reader.sleep.awake) {
        reader.sleep.waitAwake(1);
        if (impatient && !reader.sleep.awake && reader.sleep.wakeSelf()) break;
      }
      const sequence = reader.resume();
      assert.ok(sequence < 0 || sequence > next, 'the cursor moved back');
      for (; next < sequence; next++) {
        assert.equal(plan.records[next]!.wants & (1 << slot), 0, `record ${next} was skipped`);
      }
    }
  }
  if (tellsEnd) mail.send(WRITER, ENDED);
}

/** A reader that may be overtaken: takes a few times while the writer writes, then the rest. */
export function lagging(plan: Plan, slot: number, takes: number): Program {
  return (memory, mail) => {
    mail.receive();
    const reader = new RingReader(memory, slot, plan.startPosition, () => {});
    let next = 0;
    let received = 0;
    let lagged = 0;
    const take = (): boolean => {
      const batch = reader.take(TINY_CAPACITY_BYTES);
      if (batch === undefined) return false;
      for (const sequence of sequencesOf(batch, plan)) {
        assert.ok(sequence >= next, `record ${sequence} after ${next - 1}`);
        if (sequence > next) assert.ok(reader.overtaken, `record ${next} was skipped`);
        lagged += sequence - next;
        received++;
        next = sequence + 1;
        reader.overtaken = false;
      }
      reader.release(reader.taken, next);
      return true;
    };
    for (let i = 0; i < takes; i++) take();
    mail.receive();
    while (take());
    if (next < plan.records.length) assert.ok(reader.overtaken, 'the last record was skipped');
    assert.equal(received + lagged + plan.records.length - next, plan.records.length);
  };
}

/**
 * A reader that may be overtaken and killed, and the one that takes over: each says what it gets to the ledger and what it
 * misses to the writer, as the thread of a module does, before it goes on.
 */
export function mortal(plan: Plan, slot: number, takes: number): Program {
  return (memory, mail) => {
    mail.receive();
    const start = { position: plan.startPosition, nextSequence: 0, missed: false };
    readMissing(plan, slot, 1, takes, start, memory, mail);
  };
}

export function inheriting(plan: Plan, slot: number, takes: number): Program {
  return (memory, mail) => readMissing(plan, slot, 2, takes, takeOver(slot, mail), memory, mail);
}

function readMissing(
  plan: Plan,
  slot: number,
  life: number,
  takes: number,
  start: Pick<LifeStart, 'position' | 'nextSequence' | 'missed'>,
  memory: RingMemory,
  mail: Mail,
): void {
  const reader = new RingReader(memory, slot, start.position, () => mail.send(WRITER, ROOM));
  reader.overtaken = start.missed;
  let next = start.nextSequence;
  const miss = (until: number): void => {
    assert.ok(reader.overtaken, `record ${next} was skipped`);
    mail.send(WRITER, { kind: 'missed', life, first: next, count: until - next } satisfies Entry);
  };
  const take = (): boolean => {
    const batch = reader.take(TINY_CAPACITY_BYTES);
    if (batch === undefined) return false;
    for (const sequence of sequencesOf(batch, plan)) {
      assert.ok(sequence >= next, `record ${sequence} after ${next - 1}`);
      if (sequence > next) miss(sequence);
      reader.overtaken = false;
      mail.send(plan.ledger!, { kind: 'got', life, first: sequence, count: 1 } satisfies Entry);
      next = sequence + 1;
    }
    reader.release(reader.taken, next);
    return true;
  };
  for (let i = 0; i < takes; i++) take();
  mail.receive();
  while (take());
  if (next < plan.records.length) miss(plan.records.length);
  mail.send(WRITER, ENDED);
}

/** Every record was got or told of as missed; none was told of twice, or got by a life after it was told of. */
export function auditing(plan: Plan): Program {
  return (_memory, mail) => {
    const got: Set<number>[] = [new Set(), new Set(), new Set()];
    const missed: Set<number>[] = [new Set(), new Set(), new Set()];
    for (let message = mail.receive(); message !== ENDED; message = mail.receive()) {
      const { kind, life, first, count } = message as Entry;
      for (let sequence = first; sequence < first + count; sequence++) {
        if (kind === 'missed') assert.ok(!missed.some((told) => told.has(sequence)), `${sequence} was told of twice`);
        else assert.ok(!got[life]!.has(sequence), `${sequence} came twice in one life`);
        (kind === 'missed' ? missed : got)[life]!.add(sequence);
      }
    }
    for (const sequence of plan.records.keys()) {
      assert.ok(
        [...got, ...missed].some((known) => known.has(sequence)),
        `${sequence} is neither here nor there`,
      );
      for (const life of [1, 2]) {
        assert.ok(!(got[life]!.has(sequence) && missed[life]!.has(sequence)), `${sequence} was got and missed`);
      }
      assert.ok(!(missed[1]!.has(sequence) && got[2]!.has(sequence)), `${sequence} came after it was told of`);
    }
  };
}

function sequencesOf(batch: Batch, plan: Plan): number[] {
  const sequences: number[] = [];
  for (let offset = batch.start; offset < batch.end; ) {
    const word = offset >> 2;
    const units = record.unitsOf(batch.words[word + record.LENGTH_WORD]!);
    assert.ok(units > 0 && offset + units * UNIT_BYTES <= batch.end, `${units} units at ${offset} of ${batch.end}`);
    if (batch.words[word + record.KIND_WORD] === record.EVENT_RECORD) {
      const sequence = batch.words[word + record.SEQUENCE_LOW_WORD]!;
      assert.equal(units, plan.records[sequence]?.units, `record ${sequence} is torn`);
      for (let unit = 1; unit < units; unit++) {
        assert.equal(batch.words[word + markOf(unit)], sequence, `record ${sequence} is torn`);
      }
      sequences.push(sequence);
    } else {
      assert.equal(batch.words[word + record.KIND_WORD], record.PADDING_RECORD);
    }
    offset += units * UNIT_BYTES;
  }
  return sequences;
}
