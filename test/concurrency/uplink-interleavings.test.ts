/**
 * The shipped uplink under the scheduler: a thread that publishes and is killed at any of its steps, the owner that drains and seals, a
 * bus that closes meanwhile. RING_SEED replays a random schedule.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cells } from '../../src/memory/cells.js';
import { RELEASED, slotOf, TAIL } from '../../src/ring/control-descriptor.js';
import { BOUND, OWNER, OWNER_ASLEEP, OWNER_SLOT, QUEUED, SEAL } from '../../src/ring/uplink-descriptor.js';
import { size } from '../support/full.js';
import type { Kill, Outcome, Scene } from '../support/interleaving.js';
import { exploreRandom } from '../support/schedules.js';
import {
  announcing,
  auditingUplink,
  closing,
  owning,
  publishing,
  THREAD,
  UPLINK_BYTES,
  type UplinkPlan,
} from '../support/uplink-programs.js';

const SEED = Number(process.env.RING_SEED ?? 1);
const IS_REPLAY = process.env.RING_SEED !== undefined;

interface Circumstances {
  readonly kill?: Kill;
  readonly closes: boolean;
  readonly fault?: Scene['fault'];
}

function sceneOf({ kill, closes, fault }: Circumstances, pick: () => number): Scene {
  const plan: UplinkPlan = {
    startPosition: [2 ** 30, 2 ** 31, 2 ** 32][Math.floor(pick() * 3)]! - Math.floor(pick() * 100),
    records: Array.from({ length: 3 + Math.floor(pick() * 4) }, () => 2 + Math.floor(pick() * 24)),
    shareBytes: 32 * (1 + Math.floor(pick() * 40)),
  };
  return {
    capacityBytes: UPLINK_BYTES,
    startPosition: plan.startPosition,
    copyBytes: 64 + 32 * Math.floor(pick() * 8),
    programs: [
      publishing(plan),
      owning(plan),
      announcing,
      auditingUplink(plan),
      ...(closes ? [closing(Math.floor(pick() * 80))] : []),
    ],
    ...(kill !== undefined && { kill }),
    ...(fault !== undefined && { fault }),
  };
}

function allEnd({ stuck }: Outcome): void {
  assert.deepEqual(stuck, [], 'threads are stuck');
}

/** Returns in how many schedules the kill came before the end. */
function explore(schedules: number, killedAt: number | undefined, circumstances: Circumstances, seed = SEED): number {
  let kills = 0;
  const kill = killedAt === undefined ? {} : { kill: { thread: THREAD, afterSteps: killedAt } };
  exploreRandom(
    (pick) => sceneOf({ ...circumstances, ...kill }, pick),
    seed,
    IS_REPLAY ? 1 : schedules,
    (outcome) => {
      allEnd(outcome);
      if (outcome.steps[THREAD] === killedAt) kills++;
    },
  );
  return kills;
}

/** More than the steps of most threads that publish. */
const KILL_STEPS = 140;

for (const closes of [false, true]) {
  const where = closes ? 'of a bus that closes meanwhile' : 'of a bus';
  test(`what a thread is told is accepted, the owner ${where} takes over once`, () => {
    explore(size(60, 6_000), undefined, { closes });
  });

  test(`and where that thread is killed at any step, it takes what counts and ends, ${where}`, (t) => {
    let kills = 0;
    // In a short run every other step of the one, and those between of the other.
    for (let step = size(closes ? 1 : 0, 0); step < KILL_STEPS; step += size(2, 1)) {
      kills += explore(size(1, 60), step, { closes }, SEED + step * 1_000);
    }
    t.diagnostic(`${kills} kills`);
    assert.ok(IS_REPLAY || kills > 20, `${kills} kills`);
  });
}

function altered(thread: number, methods: (cells: Cells) => Partial<Cells>): Scene['fault'] {
  return (each) => (cells) => (each === thread ? { ...cells, ...methods(cells) } : cells);
}

const OWNERS = 1;
/** Each has to be noticed. */
const faults: Readonly<Record<string, Scene['fault']>> = {
  'the owner releases what it has not copied yet': altered(OWNERS, (cells) => ({
    load: (index) => {
      const value = cells.load(index);
      if (index === TAIL) cells.store(slotOf(OWNER_SLOT) + RELEASED, value);
      return value;
    },
  })),
  'the thread does not look whether the owner sleeps': altered(THREAD, (cells) => ({
    load: (index) => (index === OWNER ? cells.load(index) & ~OWNER_ASLEEP : cells.load(index)),
  })),
  'the owner says that it sleeps after it has looked': altered(OWNERS, (cells) => {
    let isLate = false;
    return {
      or: (index, value) => {
        if (index !== OWNER || value !== OWNER_ASLEEP) return cells.or(index, value);
        isLate = true;
        return 0;
      },
      load: (index) => {
        const value = cells.load(index);
        if (isLate && index === TAIL) {
          isLate = false;
          cells.or(OWNER, OWNER_ASLEEP);
        }
        return value;
      },
    };
  }),
  'the thread takes a record for counted in a sealed uplink': altered(THREAD, (cells) => ({
    load: (index) => (index === SEAL ? 0 : cells.load(index)),
    compareExchange: (index, expected, value) => {
      const before = cells.compareExchange(index, expected, value);
      return index === SEAL ? expected : before;
    },
  })),
  'the owner seals at what it had read before': altered(OWNERS, (cells) => {
    let tail: number | undefined;
    return {
      load: (index) => {
        const value = cells.load(index);
        if (index !== TAIL) return value;
        tail ??= value;
        return value;
      },
      store: (index, value) => cells.store(index, index === BOUND ? tail! : value),
    };
  }),
  'the owner does not look whether events wait on the heap': altered(OWNERS, (cells) => ({
    load: (index) => (index === QUEUED ? 0 : cells.load(index)),
  })),
};

/** Shows in few schedules: looked for in full runs. */
const RARE = new Set([
  'the owner releases what it has not copied yet',
  'the owner says that it sleeps after it has looked',
]);

for (const [what, fault] of Object.entries(faults)) {
  test(`is noticed: ${what}`, { skip: IS_REPLAY || (RARE.has(what) && size(0, 1) === 0) }, () => {
    assert.throws(
      () => {
        for (let seed = SEED; seed < SEED + 40; seed++) {
          for (const closes of [false, true]) explore(20, undefined, { closes, fault }, seed * 100);
        }
      },
      // A law, and no mistake of the test's own.
      (error: Error) => !(error instanceof TypeError || error instanceof ReferenceError),
    );
  });
}
