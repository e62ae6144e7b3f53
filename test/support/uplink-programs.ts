/** A connected thread and the owner for the scheduler: the shipped classes of an uplink, and what must be true of what they do. */
import assert from 'node:assert/strict';
import { UplinkDrain } from '../../src/connect/uplink-drain.js';
import { allocateOrigins } from '../../src/publish/origins.js';
import * as record from '../../src/ring/record-descriptor.js';
import type { RingMemory } from '../../src/ring/ring-memory.js';
import { LEAVING } from '../../src/ring/uplink-descriptor.js';
import { UplinkOwner } from '../../src/ring/uplink-owner.js';
import { UplinkWriter } from '../../src/ring/uplink-writer.js';
import type { Mail, Message, Program } from './interleaving.js';

const { EVENT_RECORD, UNIT_BYTES, UNIT_WORDS } = record;
const CAPACITY_UNITS = 64;
export const UPLINK_BYTES = CAPACITY_UNITS * UNIT_BYTES;
const MAX_RECORD_BYTES = UPLINK_BYTES / 2;
const PRODUCER = 1;

/** Threads of a scene, in this order. */
export const THREAD = 0;
const OWNER = 1;
const LEDGER = 3;

/** To the owner. */
const HELLO = 1;
const RING = 2;
const GONE = 3;
const CLOSE = 4;
/** To the thread. */
const ROOM = 5;

/** What the ledger is told: by the thread of what it was told is accepted, by the owner of what it took, and of the end. */
type Entry =
  | { readonly kind: 'accepted' | 'queued' | 'refused'; readonly id: number }
  | { readonly kind: 'taken'; readonly ids: readonly number[] }
  | { readonly kind: 'over'; readonly wasKilled: boolean };

export interface UplinkPlan {
  readonly startPosition: number;
  /** Units of each record. */
  readonly records: readonly number[];
  /** What is taken over before the owner looks around. */
  readonly shareBytes: number;
}

/** A thread that publishes, and leaves. What finds no room waits on its heap, one event. */
export function publishing(plan: UplinkPlan): Program {
  return (memory, mail) => {
    const tell = (kind: 'accepted' | 'queued' | 'refused', id: number): void => mail.send(LEDGER, { kind, id });
    const events = { ring: () => mail.send(OWNER, RING), closing: () => {}, refused: () => {} };
    const writer = new UplinkWriter(memory, MAX_RECORD_BYTES, events, plan.startPosition);
    mail.send(OWNER, HELLO);
    for (const [id, units] of plan.records.entries()) {
      const bytes = units * UNIT_BYTES;
      let offset = writer.claim(bytes);
      const isQueued = offset < 0;
      if (isQueued) {
        writer.setQueued(1);
        tell(writer.refused ? 'refused' : 'queued', id);
        if (writer.refused) break;
      }
      while (offset < 0) {
        if (writer.wait.park(2 * bytes)) mail.receive();
        offset = writer.claim(bytes);
      }
      for (let unit = 1; unit < units; unit++) memory.words[(offset >> 2) + markOf(unit)] = id;
      writer.commit(bytes, EVENT_RECORD, 1, 0, 1, 0, 0, 1, 0);
      writer.flush();
      if (isQueued) {
        writer.setQueued(0);
        writer.flush();
      } else tell(writer.refused ? 'refused' : 'accepted', id);
      if (writer.refused) break;
    }
    memory.cells.store(LEAVING, 1);
    writer.flush();
  };
}

/** The thread that owns the bus: as `Connections` does, it drains, sleeps, seals a closing bus, and ends with the thread. */
export function owning(plan: UplinkPlan): Program {
  return (memory, mail) => {
    let isGone = false;
    let isClosing = false;
    let isSealed = false;
    // Killed before it has said hello, it is nobody's.
    for (let message = mail.receive(); message !== HELLO; message = mail.receive()) {
      if (message === GONE) {
        mail.send(LEDGER, { kind: 'over', wasKilled: true } satisfies Entry);
        return;
      }
      isClosing = true;
    }
    const owner = new UplinkOwner(memory.cells);
    const drain = draining(memory, mail);
    if (isClosing) owner.close();
    const hear = (message: Message): void => {
      if (message === GONE) isGone = true;
      else if (message === CLOSE) {
        owner.close();
        isClosing = true;
      }
    };
    for (;;) {
      for (let message = mail.poll(); message !== undefined; message = mail.poll()) hear(message);
      // Before the look at the uplink, as there.
      const isLeaving = isGone || owner.hasLeft;
      const queued = owner.queued;
      if (drain.drain(plan.shareBytes) === 'more') continue;
      if (isLeaving) break;
      if (isClosing && queued === 0) {
        const bound = isSealed ? undefined : owner.seal(false);
        if (bound !== undefined) {
          isSealed = true;
          drain.seal(bound);
        }
        if (!isSealed || !drain.isEmpty) continue;
        break;
      }
      owner.fallAsleep();
      if (!drain.isEmpty || owner.hasLeft || (isClosing && owner.queued === 0)) owner.wakeUp();
      else hear(mail.receive());
    }
    owner.end();
    assert.ok(owner.hasEnded, 'whoever is met now with this uplink is not taken for somebody new');
    assert.ok(drain.isEmpty);
    mail.send(LEDGER, { kind: 'over', wasKilled: isGone } satisfies Entry);
  };
}

function draining(memory: RingMemory, mail: Mail): UplinkDrain {
  const ring = Buffer.alloc(UPLINK_BYTES);
  const words = new Int32Array(ring.buffer, ring.byteOffset, UPLINK_BYTES >> 2);
  const writer = {
    memory: { bytes: ring },
    windowStart: 0,
    windowEnd: UPLINK_BYTES,
    open: () => {},
    commitCopied: (_target: number, count: number) => {
      const ids = idsIn(words, count);
      mail.send(LEDGER, { kind: 'taken', ids } satisfies Entry);
    },
  };
  const topics = { entryOf: () => ({ wantedLow: 1, wantedHigh: 0 }) };
  const target = { writer, topics, keepUnwanted: false, onTaken() {}, onUnwanted() {}, onError() {} };
  const names = allocateOrigins();
  const drain = new UplinkDrain(memory, names, target as never, {
    onRoom: () => mail.send(THREAD, ROOM),
    mayHeed: () => true,
    onRequest: () => true,
  });
  drain.producer = PRODUCER;
  return drain;
}

/** Tells the owner that the thread was killed, as its port does. */
export const announcing: Program = (_memory, mail) => {
  mail.awaitKill(THREAD);
  mail.send(OWNER, GONE);
};

/** Closes the bus after so many steps of its own. */
export function closing(steps: number): Program {
  return (_memory, mail) => {
    for (let step = 0; step < steps; step++) mail.poll();
    mail.send(OWNER, CLOSE);
  };
}

/**
 * What the thread was told is accepted arrived once, whole and in order, and nothing else did but what it was being told as it was
 * killed. What waited on the heap of a thread that was killed may be lost.
 */
export function auditingUplink(plan: UplinkPlan): Program {
  return (_memory, mail) => {
    const told = new Map<number, Entry['kind']>();
    const taken: number[] = [];
    let end: Extract<Entry, { kind: 'over' }> | undefined;
    const hear = (message: Message | undefined): boolean => {
      if (message === undefined) return false;
      const entry = message as Entry;
      if (entry.kind === 'over') end = entry;
      else if (entry.kind === 'taken') taken.push(...entry.ids);
      else told.set(entry.id, entry.kind);
      return true;
    };
    while (end === undefined) hear(mail.receive());
    // What the thread was still told.
    while (hear(mail.poll()));
    assert.deepEqual(
      taken,
      plan.records.slice(0, taken.length).map((_, id) => id),
      'taken once each, in order',
    );
    for (const [id, kind] of told) {
      if (kind === 'accepted' || (kind === 'queued' && !end.wasKilled)) {
        assert.ok(id < taken.length, `${id} was ${kind} and not taken`);
      } else if (kind === 'refused') assert.ok(id >= taken.length, `${id} was refused and taken`);
    }
    // At most the one that it was about to be told of.
    assert.ok(taken.length <= told.size + 1, `${taken.length} taken, ${told.size} told`);
  };
}

/** Every unit of a record's body says which record it is of; some by a write that is a step. */
function markOf(unit: number): number {
  return unit * UNIT_WORDS + (unit % 8 === 0 ? 0 : 1);
}

function idsIn(words: Int32Array, count: number): number[] {
  const ids: number[] = [];
  for (let word = 0; ids.length < count; ) {
    const units = record.unitsOf(words[word + record.LENGTH_WORD]!);
    const id = words[word + record.SEQUENCE_LOW_WORD]!;
    assert.ok(units > 1, `${units} units`);
    for (let unit = 1; unit < units; unit++) assert.equal(words[word + markOf(unit)], id, `record ${id} is torn`);
    ids.push(id);
    word += units * UNIT_WORDS;
  }
  return ids;
}
