/** Whatever is written, and however, nothing that a gating reader has not released is touched. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { distance } from '../../src/memory/position.js';
import * as control from '../../src/ring/control-descriptor.js';
import * as record from '../../src/ring/record-descriptor.js';
import {
  allocateRing,
  attachRing,
  initializeControl,
  MIN_CAPACITY_BYTES,
  offsetOf,
} from '../../src/ring/ring-memory.js';
import type { RingReader } from '../../src/ring/ring-reader.js';
import { size } from '../support/full.js';
import { bitOf, CAPACITY_UNITS, eventsOf, type Rig, rigOver, ringAt, write } from '../support/ring-rig.js';

const { EVENT_RECORD, UNIT_BYTES } = record;
const MAX_UNITS = CAPACITY_UNITS / 8;
const PATTERN = 0xa5;

const memory = attachRing(allocateRing(MIN_CAPACITY_BYTES));

/** A ring full of a pattern: its tail `toEnd` units before its end, `free` units left before its only reader. */
function patternedRing(toEnd: number, free: number): Rig {
  const start = 3 * CAPACITY_UNITS - toEnd;
  initializeControl(memory.cells, MIN_CAPACITY_BYTES, start);
  memory.bytes.fill(PATTERN);
  const rig = rigOver(memory, start);
  const { reader } = rig.reader();
  memory.cells.store(control.slotOf(reader) + control.RELEASED, start - CAPACITY_UNITS + free);
  assert.equal(rig.writer.freeBytes(), free * UNIT_BYTES);
  return rig;
}

/** Fails if a byte outside `free` units from `start` on was touched. */
function assertUntouched(start: number, free: number, what: string): void {
  for (let unit = free; unit < CAPACITY_UNITS; unit++) {
    const word = offsetOf(start + unit, MIN_CAPACITY_BYTES) >> 2;
    for (let at = word; at < word + record.UNIT_WORDS; at++) {
      if (memory.words[at] !== 0xa5a5a5a5 - 2 ** 32) assert.fail(`${what}: unit ${unit} of ${free} was touched`);
    }
  }
}

const distances = [0, 1, 2, 3, 4, 31, 32, 33, 63, 64, 65, 255, 256, 257, 1024, 2046, 2047, 2048];
const sizes = [1, 2, 3, 4, 31, 32, 33, 255, 256];

test('a claim at every distance from gate and end takes exactly the room that is there', () => {
  for (const toEnd of distances.slice(1)) {
    for (const free of distances) {
      for (const units of sizes) {
        const what = `${units} units, ${toEnd} before the end, ${free} free`;
        const { writer } = patternedRing(toEnd, free);
        const start = writer.tail;
        const needed = units <= toEnd ? units : toEnd + units;
        const offset = writer.claim(units * UNIT_BYTES);
        assert.equal(offset >= 0, needed <= free, what);
        const intent = memory.cells.load(control.INTENT);
        assert.ok(intent - start <= free, `${what}: INTENT ${intent - start} ahead`);
        if (offset >= 0) {
          assert.ok(offset + units * UNIT_BYTES <= MIN_CAPACITY_BYTES, what);
          memory.bytes.fill(1, offset, offset + units * UNIT_BYTES);
          writer.commit(units * UNIT_BYTES, EVENT_RECORD, 1, 0, 0, 0, 0, 0, 0);
          assert.equal(writer.tail, start + needed, what);
        } else {
          assert.equal(writer.tail, start, what);
        }
        assertUntouched(start, free, what);
      }
    }
  }
});

test('a window at every distance from gate and end ends before both, and before what is announced', () => {
  for (const toEnd of distances.slice(1)) {
    for (const free of distances) {
      for (const units of sizes) {
        const what = `${units} units, ${toEnd} before the end, ${free} free`;
        const { writer } = patternedRing(toEnd, free);
        const start = writer.tail;
        writer.open(units * UNIT_BYTES);
        const { windowStart, windowEnd } = writer;
        const window = (windowEnd - windowStart) / UNIT_BYTES;
        assert.equal(windowStart, offsetOf(start, MIN_CAPACITY_BYTES), what);
        assert.ok(window >= Math.min(units, toEnd, free) && window <= Math.min(toEnd, free), `${what}: ${window}`);
        assert.ok(memory.cells.load(control.INTENT) - start >= window, what);
        memory.bytes.fill(1, windowStart, windowEnd);
        if (units <= window) writer.commit(units * UNIT_BYTES, EVENT_RECORD, 1, 0, 0, 0, 0, 0, 0);
        assertUntouched(start, free, what);
      }
    }
  }
});

interface WrittenRecord {
  readonly sequence: number;
  readonly units: number;
  readonly wanted: boolean;
}

/** One reader, and in an array what it has to see: what was written since it joined and not taken yet. */
interface Watched {
  readonly reader: RingReader;
  readonly unread: WrittenRecord[];
  released: number;
  asleep: boolean;
}

type Step =
  | { readonly kind: 'claim' | 'open' | 'scribble'; readonly units: number; readonly wants: number }
  | { readonly kind: 'join' | 'leave' | 'sleep' | 'wakeSelf'; readonly who: number }
  | { readonly kind: 'take'; readonly who: number; readonly maxUnits: number }
  | { readonly kind: 'release'; readonly who: number; readonly percent: number }
  | { readonly kind: 'flush' | 'due' };

const READERS = 5;
const who = fc.nat(READERS - 1);
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constantFrom('claim', 'claim', 'open', 'open', 'scribble'),
      units: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: MAX_UNITS })),
      wants: fc.nat(2 ** READERS - 1),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('join', 'leave', 'sleep', 'sleep', 'wakeSelf'), who }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('take'), who, maxUnits: fc.integer({ min: 1, max: 600 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('release'), who, percent: fc.integer({ min: 1, max: 100 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('flush', 'due') }) },
);
const starts = fc
  .tuple(fc.constantFrom(2 ** 12, 2 ** 30, 2 ** 31, 2 ** 32, 2 ** 33 + 2 ** 31), fc.nat(CAPACITY_UNITS))
  .map(([edge, before]) => edge - before);

class Scene {
  readonly #rig: Rig;
  readonly #watched: (Watched | undefined)[] = new Array(READERS).fill(undefined);

  constructor(start: number) {
    this.#rig = ringAt(start);
    for (let i = 0; i < READERS; i += 2) this.#join(i);
  }

  run(step: Step): void {
    const { writer } = this.#rig;
    if (step.kind === 'flush') writer.flush();
    else if (step.kind === 'due') void writer.flushDue;
    else if ('units' in step) this.#write(step);
    else if (step.kind === 'join') this.#join(step.who);
    else if (step.kind === 'leave') this.#leave(step.who);
    else if ('who' in step) this.#read(step, this.#watched[step.who]);
    for (const watched of this.#watched) if (watched?.asleep && watched.reader.sleep.awake) this.#resume(watched);
  }

  /** Nobody sleeps on what it wants, and everybody can read to the end. */
  finish(): void {
    this.run({ kind: 'flush' });
    for (const watched of this.#watched) {
      if (watched === undefined) continue;
      if (watched.asleep) {
        assert.ok(!watched.unread.some((written) => written.wanted), 'sleeps on a wanted record');
        assert.ok(watched.reader.sleep.wakeSelf());
        this.#resume(watched);
      }
      while (this.#take(watched, MIN_CAPACITY_BYTES));
      assert.deepEqual(watched.unread, []);
    }
  }

  #join(who: number): void {
    if (this.#watched[who] !== undefined) return;
    const reader = this.#rig.reader();
    this.#watched[who] = { reader, unread: [], released: this.#rig.writer.tail | 0, asleep: false };
  }

  #leave(who: number): void {
    const watched = this.#watched[who];
    if (watched === undefined) return;
    this.#rig.writer.leave(watched.reader.reader);
    this.#watched[who] = undefined;
  }

  #read(step: Step & { readonly who: number }, watched: Watched | undefined): void {
    if (watched === undefined) return;
    const { reader, asleep } = watched;
    if (step.kind === 'wakeSelf' && asleep && reader.sleep.wakeSelf()) this.#resume(watched);
    else if (asleep) return;
    else if (step.kind === 'take') this.#take(watched, step.maxUnits * UNIT_BYTES);
    else if (step.kind === 'release') this.#release(watched, step.percent);
    else if (step.kind === 'sleep') {
      this.#release(watched, 100);
      watched.asleep = reader.sleep.fallAsleep();
      assert.equal(watched.asleep, watched.unread.length === 0);
    }
  }

  #release(watched: Watched, percent: number): void {
    const held = distance(watched.reader.taken, watched.released);
    watched.released = (watched.released + Math.floor((held * percent) / 100)) | 0;
    watched.reader.release(watched.released, 0);
  }

  #take(watched: Watched, maxBytes: number): boolean {
    const batch = watched.reader.take(maxBytes);
    if (batch === undefined) return false;
    for (const { sequence, units } of eventsOf(batch)) {
      const next = watched.unread.shift();
      assert.deepEqual([sequence, units], [next?.sequence, next?.units]);
    }
    return true;
  }

  #resume(watched: Watched): void {
    watched.asleep = false;
    const sequence = watched.reader.resume();
    watched.released = watched.reader.taken;
    while (watched.unread.length > 0 && watched.unread[0]!.sequence < sequence) {
      assert.equal(watched.unread.shift()!.wanted, false, 'a wanted record was skipped');
    }
  }

  #write({ kind, units, wants }: Step & { readonly units: number; readonly wants: number }): void {
    const { writer, memory } = this.#rig;
    const before = Buffer.from(memory.bytes);
    const { tail, sequence } = writer;
    let bits = 0;
    this.#watched.forEach((watched, who) => {
      if (watched !== undefined && wants & (1 << who)) bits |= bitOf(watched.reader);
    });
    const wrote = kind === 'claim' ? write(writer, units, bits) : this.#writeInPlace(kind, units, bits);
    assert.equal(writer.sequence - sequence, wrote ? 1 : 0);
    // Sleepers may have been moved on just now; what is left is held.
    for (let unit = writer.tail - writer.usedBytes / UNIT_BYTES; unit < tail; unit++) {
      const offset = offsetOf(unit, memory.capacityBytes);
      const compared = before.compare(memory.bytes, offset, offset + UNIT_BYTES, offset, offset + UNIT_BYTES);
      assert.equal(compared, 0, `unread unit ${tail - unit} before the tail was touched`);
    }
    if (!wrote) return;
    this.#watched.forEach((watched, who) => {
      watched?.unread.push({ sequence, units, wanted: (wants & (1 << who)) !== 0 });
    });
  }

  /** Uses the whole window, and commits if the record fits it. */
  #writeInPlace(kind: Step['kind'], units: number, bits: number): boolean {
    const { writer, memory } = this.#rig;
    writer.open(Math.min(units, 8) * UNIT_BYTES);
    const { windowStart, windowEnd } = writer;
    memory.bytes.fill(0xee, windowStart, windowEnd);
    if (kind === 'scribble' || units * UNIT_BYTES > windowEnd - windowStart) return false;
    const word = windowStart >> 2;
    memory.words.fill(writer.sequence | 0, word + record.UNIT_WORDS, word + units * record.UNIT_WORDS);
    writer.commit(units * UNIT_BYTES, EVENT_RECORD, 1, 0, 0, 0, 0, bits, 0);
    return true;
  }
}

test('whatever writer and readers do, each reader gets what it wants, whole and in order', () => {
  fc.assert(
    fc.property(starts, fc.array(steps, { maxLength: 250, size: 'max' }), (start, sequence) => {
      const scene = new Scene(start);
      for (const step of sequence) scene.run(step);
      scene.finish();
    }),
    // A failure is shrunk for so long at most.
    { numRuns: size(100, 300), interruptAfterTimeLimit: 10_000 },
  );
});
