/**
 * The shipped ring under a scheduler: every interleaving with few preemptions of small scenes, random ones of larger scenes,
 * a kill at each step, and faults in the memory that each scene has to notice. RING_SEED replays a random schedule.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cells } from '../../src/memory/cells.js';
import { BOUNDARIES, BOUNDARY } from '../../src/ring/control-descriptor.js';
import { nextLife, ToldLag } from '../../src/worker/supervision/next-life.js';
import { size } from '../support/full.js';
import { Interleaving, type Outcome, type Program, type Scene } from '../support/interleaving.js';
import {
  evictedReaderFaults,
  lateStores,
  lossyReaderFaults,
  lossyWriterFaults,
  readerFaults,
  writerFaults,
} from '../support/memory-faults.js';
import {
  auditing,
  inheriting,
  lagging,
  mortal,
  type Plan,
  type ReadingOptions,
  reading,
  succeeding,
  TINY_CAPACITY_BYTES,
  writing,
} from '../support/ring-programs.js';
import { exploreAll, exploreRandom } from '../support/schedules.js';

const SEED = Number(process.env.RING_SEED ?? 1);
/** RING_SCHEDULES multiplies how many random schedules are run: a tenth of them, but for the full run of the tests. */
const RUNS = process.env.RING_SEED === undefined ? Number(process.env.RING_SCHEDULES ?? size(0.1, 4)) : 0;

function sceneOf(plan: Plan, readers: readonly Program[], more: Partial<Scene> = {}): Scene {
  const lossless = plan.evict === undefined && plan.readers.every((gates) => gates);
  return {
    capacityBytes: TINY_CAPACITY_BYTES,
    startPosition: plan.startPosition,
    copyBytes: 512,
    programs: [writing(plan), ...readers],
    // The index is for readers that can be overtaken.
    isPrivate: (index) => lossless && index >= BOUNDARY && index < BOUNDARY + BOUNDARIES,
    ...more,
  };
}

function lossless(plan: Plan, options?: ReadingOptions): Program[] {
  return plan.readers.map((_, slot) => reading(plan, slot, options));
}

function allEnd({ stuck }: Outcome): void {
  assert.deepEqual(stuck, [], 'threads are stuck');
}

function random(name: string, count: number, scene: (random: () => number) => Scene): void {
  test(name, (t) => {
    exploreRandom(scene, SEED, Math.max(1, Math.ceil(count * RUNS)), allEnd);
    t.diagnostic(`${Math.max(1, Math.ceil(count * RUNS))} schedules`);
  });
}

function all(name: string, maxPreemptions: number, scene: Scene): void {
  test(`${name}, with at most ${maxPreemptions} preemptions`, { skip: RUNS === 0 }, (t) => {
    const { schedules, complete } = exploreAll(scene, maxPreemptions, 100_000, allEnd);
    assert.ok(complete, `${schedules} schedules`);
    t.diagnostic(`${schedules} schedules`);
  });
}

/** A reader that wants the second and the last record; the ring is full before the third. */
const onePlan: Plan = {
  startPosition: 2 ** 31 - 30,
  records: [
    { units: 28, wants: 0 },
    { units: 20, wants: 1 },
    { units: 28, wants: 1 },
  ],
  readers: [true],
  wait: 'block',
  flushAfter: [],
};
const twoPlan: Plan = {
  startPosition: 2 ** 32 - 50,
  records: [
    { units: 20, wants: 0 },
    { units: 20, wants: 1 },
    { units: 24, wants: 2 },
    { units: 20, wants: 0 },
    { units: 4, wants: 3 },
  ],
  readers: [true, true],
  wait: 'block',
  flushAfter: [1],
};

for (const wait of ['block', 'park'] as const) {
  const [one, two] = [
    { ...onePlan, wait },
    { ...twoPlan, wait },
  ];
  all(
    `one reader of a writer that has to ${wait} sleeps, is moved and woken`,
    wait === 'block' ? 2 : size(1, 2),
    sceneOf(one, lossless(one)),
  );
  all(`two readers of a writer that has to ${wait} sleep, are moved and woken`, 1, sceneOf(two, lossless(two)));
}

/** Up to a dozen records of any size, wanted by anybody; three readers. */
function randomPlan(pick: () => number): Plan {
  const records = Array.from({ length: 4 + Math.floor(pick() * 9) }, () => ({
    units: 1 + Math.floor(pick() * 32),
    wants: Math.floor(pick() * 8) & Math.floor(pick() * 8),
  }));
  records.push({ units: 1, wants: 7 });
  return {
    startPosition: [2 ** 30, 2 ** 31, 2 ** 32][Math.floor(pick() * 3)]! - Math.floor(pick() * 200),
    records,
    readers: [true, true, true],
    wait: pick() < 0.5 ? 'block' : 'park',
    flushAfter: [...records.keys()].filter(() => pick() < 0.3),
  };
}

random('three readers of any records, in any interleaving, get what they want', 2_000, (pick) => {
  const plan = randomPlan(pick);
  const options = { maxBytes: 32 * (1 + Math.floor(pick() * 64)) };
  return sceneOf(plan, lossless(plan, options), { copyBytes: 32 * (1 + Math.floor(pick() * 16)) });
});

random('readers that end their sleep themselves, and waits that end early, change nothing', 2_000, (pick) => {
  const plan = randomPlan(pick);
  return sceneOf(plan, lossless(plan, { impatient: true }), { earlyReturns: Math.floor(pick() * 6) });
});

const lossyPlan: Plan = {
  startPosition: 2 ** 31 - 40,
  records: [20, 12, 30, 7, 20, 16].map((units) => ({ units, wants: 1 })),
  readers: [false],
  wait: 'block',
  flushAfter: [],
};
all('a lossy reader accepts nothing torn', size(1, 2), sceneOf(lossyPlan, [lagging(lossyPlan, 0, 3)]));

random('a lossy reader of any records accepts nothing torn, and counts what it missed', 2_000, (pick) => {
  const plan = { ...randomPlan(pick), readers: [false] };
  return sceneOf(plan, [lagging(plan, 0, 6)], { copyBytes: 32 * (1 + Math.floor(pick() * 8)) });
});

const evictPlan: Plan = { ...lossyPlan, readers: [true], evict: { reader: 0, before: 2 } };
all('a reader that is evicted accepts nothing torn', size(1, 2), sceneOf(evictPlan, [lagging(evictPlan, 0, 3)]));

/** A scene whose writer stores as late as arm64 allows. */
function onArm64(scene: Scene): Scene {
  return { ...scene, fault: (thread) => (cells) => (thread === 0 ? lateStores(cells) : cells) };
}
random('a lossy reader accepts nothing torn where plain stores pass those of atomics', 2_000, (pick) => {
  const plan = { ...randomPlan(pick), readers: [false] };
  return onArm64(sceneOf(plan, [lagging(plan, 0, 6)], { copyBytes: 32 * (1 + Math.floor(pick() * 8)) }));
});
random('a reader that is evicted accepts nothing torn where plain stores pass those of atomics', 2_000, (pick) => {
  const plan: Plan = { ...randomPlan(pick), readers: [true], evict: { reader: 0, before: 1 } };
  return onArm64(sceneOf(plan, [lagging(plan, 0, 6)], { copyBytes: 32 * (1 + Math.floor(pick() * 8)) }));
});

/** A thread is killed, the bus restarts it, and a writer that was parked has to look again. */
function killScene(deafToExits: boolean, afterSteps: number): Scene {
  const plan: Plan = { ...twoPlan, startPosition: 0, wait: 'park', deafToExits };
  const readers = [reading(plan, 0, { tellsEnd: true }), reading(plan, 1, { tellsEnd: true }), succeeding(plan, 0)];
  return sceneOf(plan, readers, { kill: { thread: 1, afterSteps } });
}
const KILL_STEPS = 60;

/** Kills a thread after any number of its steps, in schedule after schedule. Returns how often it got that far. */
function exploreKills(
  steps: number,
  schedules: number,
  scene: (afterSteps: number, pick: () => number) => Scene,
): number {
  let kills = 0;
  for (let seed = SEED; seed < SEED + schedules; seed++) {
    // A fault shows at few of the steps, but there in many schedules: so the steps are the inner loop.
    for (let afterSteps = 0; afterSteps < steps; afterSteps++) {
      exploreRandom(
        (pick) => scene(afterSteps, pick),
        seed,
        1,
        (outcome) => {
          allEnd(outcome);
          if (outcome.steps[1] === afterSteps) kills++;
        },
      );
    }
  }
  return kills;
}

/** A lossy reader, or one that is evicted, is killed; the shipped next life goes on, and a ledger follows both lives. */
function overtakenScene(evicted: boolean, afterSteps: number, life: typeof nextLife, pick: () => number): Scene {
  const records = Array.from({ length: 8 }, (_, index) => {
    // The first ones fit before the eviction, whoever reads.
    return { units: 1 + Math.floor(pick() * (index < 3 ? 8 : 32)), wants: 1 };
  });
  const plan: Plan = {
    startPosition: [2 ** 30, 2 ** 31, 2 ** 32][Math.floor(pick() * 3)]! - Math.floor(pick() * 200),
    records,
    readers: [evicted],
    wait: 'park',
    flushAfter: [],
    deafToExits: false,
    ledger: 3,
    nextLife: life,
    ...(evicted ? { evict: { reader: 0, before: 1 + Math.floor(pick() * 3) } } : undefined),
  };
  const takes = 1 + Math.floor(pick() * 5);
  const programs = [mortal(plan, 0, takes), inheriting(plan, 0, takes), auditing(plan)];
  return sceneOf(plan, programs, {
    copyBytes: 32 * (1 + Math.floor(pick() * 8)),
    kill: { thread: 1, afterSteps },
  });
}

for (const evicted of [false, true]) {
  const who = evicted ? 'an evicted reader' : 'a lossy reader';
  const explore = (life: typeof nextLife, schedules: number): number => {
    return exploreKills(2 * KILL_STEPS, schedules, (afterSteps, pick) =>
      overtakenScene(evicted, afterSteps, life, pick),
    );
  };
  test(`${who} killed at any step misses nothing that nobody tells of, once`, { skip: RUNS === 0 }, (t) => {
    const kills = explore(nextLife, 30 * RUNS);
    assert.ok(kills > 2 * KILL_STEPS, `${kills} kills`);
    t.diagnostic(`${kills} kills`);
  });
  const faults: Record<string, typeof nextLife> = {
    'tells again of what the life before has told': (writer, reader, _told, skips) =>
      nextLife(writer, reader, new ToldLag(), skips),
    'does not tell of what the life before had only noticed': (...life) => {
      const start = nextLife(...life);
      return { ...start, nextSequence: life[0].retained.placeOf(life[1]).sequence ?? start.nextSequence };
    },
  };
  for (const [what, fault] of Object.entries(faults)) {
    test(`it is noticed when the next life of ${who} ${what}`, { skip: RUNS === 0 }, () => {
      assert.throws(() => explore(fault, 100), /schedule seed/);
    });
  }
}

test('a reader killed at any step goes on at its cursor', { skip: RUNS === 0 }, (t) => {
  const kills = exploreKills(KILL_STEPS, 60 * RUNS, (afterSteps) => killScene(false, afterSteps));
  assert.ok(kills > KILL_STEPS, `${kills} kills`);
  t.diagnostic(`${kills} kills`);
});

test('a parked writer that does not look again after an exit can wait for ever', { skip: RUNS === 0 }, () => {
  assert.throws(() => exploreKills(KILL_STEPS, 60, (afterSteps) => killScene(true, afterSteps)), /stuck/);
});

test('a schedule is replayed by its seed', () => {
  const outcomes = [1, 2].map(() => {
    const steps: unknown[] = [];
    exploreRandom(
      (pick) => {
        const plan = randomPlan(pick);
        return sceneOf(plan, lossless(plan));
      },
      77,
      1,
      (outcome) => steps.push(outcome),
    );
    return steps;
  });
  assert.equal(outcomes[0]!.length, 1);
  assert.deepEqual(outcomes[0], outcomes[1]);
});

/** A fault in the cells of one thread has to show in some schedule. */
function noticed(
  what: string,
  thread: number,
  fault: (cells: Cells) => Cells,
  scene: (pick: () => number) => Scene,
): void {
  test(`it is noticed when of ${thread === 0 ? 'the writer' : 'a reader'} ${what}`, { skip: RUNS === 0 }, () => {
    const faulty = (pick: () => number): Scene => {
      return { ...scene(pick), fault: (id) => (id === thread ? fault : (cells) => cells) };
    };
    assert.throws(() => exploreRandom(faulty, 1, 20_000, allEnd), /schedule seed/);
  });
}

const lossyScene = (plan: Plan) => (): Scene => sceneOf(plan, [lagging(plan, 0, 3)], { copyBytes: 64 });
const losslessScene = (pick: () => number): Scene => {
  const plan = randomPlan(pick);
  return sceneOf(plan, lossless(plan));
};
const impatientScene = (pick: () => number): Scene => {
  const plan = randomPlan(pick);
  return sceneOf(plan, lossless(plan, { impatient: true }), { earlyReturns: 12 });
};

for (const [what, fault] of Object.entries(readerFaults)) {
  noticed(what, 1, fault, what.includes('wakes itself') ? impatientScene : losslessScene);
}
for (const [what, fault] of Object.entries(writerFaults)) noticed(what, 0, fault, losslessScene);
for (const [what, fault] of Object.entries(lossyReaderFaults)) noticed(what, 1, fault, lossyScene(lossyPlan));
for (const [what, fault] of Object.entries(lossyWriterFaults)) noticed(what, 0, fault, lossyScene(lossyPlan));
for (const [what, fault] of Object.entries(evictedReaderFaults)) noticed(what, 1, fault, lossyScene(evictPlan));

test('the scheduler runs a scene without preemptions', () => {
  const outcome = new Interleaving(sceneOf(twoPlan, lossless(twoPlan)), (current, enabled) =>
    enabled.includes(current) ? current : enabled[0]!,
  ).run();
  allEnd(outcome);
  for (const steps of outcome.steps) assert.ok(steps > 20);
});
