/**
 * Runs the spin model checker over the models in this folder. Each model must hold in every interleaving, and each of its
 * mutants (one wrong order, one check missing) must fail: a check that does not fail them would prove nothing.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { turn } from '../support/bus-scene.js';
import { FULL, inShard } from '../support/full.js';

interface Model {
  readonly name: string;
  /** Definitions of the runs that must hold. */
  readonly holds: readonly string[][];
  /** What makes these runs smaller, but for the full run of the tests; without it they are small. */
  readonly smaller?: string;
  /** Whether the mutants, too, run smaller then: in other models some fail at full size only. */
  readonly smallerMutants?: true;
  /** Whether mutants fail sooner when the choices of a process are tried from the last to the first. */
  readonly lastChoiceFirst?: true;
  /** What must make it fail; further definitions behind the first. */
  readonly mutants: readonly string[][];
}

const models: Model[] = [
  {
    name: 'sleep',
    holds: [[], ['CAPACITY=1', 'SELF_WAKES=1'], ['EVICTS=1', 'SELF_WAKES=1']],
    smaller: 'SMALL',
    mutants: [
      ['BIT_BEFORE_WAKE'],
      ['NO_SECOND_LOOK'],
      ['ASLEEP_AT_ONCE', 'SMALL'],
      ['ASLEEP_BY_STORE'],
      ['NO_RESUME'],
      ['SELF_WAKE_WITHOUT_BIT', 'SELF_WAKES=1'],
      ['SKIP_DROWSY', 'SMALL'],
      ['LEAVE_DROWSY'],
      ['KEEP_BIT'],
      ['SKIP_WITHOUT_FLUSH'],
      ['MOVE_TO_TAIL'],
      ['WAKE_BEFORE_TAKING'],
      ['WAKE_BEFORE_MOVING'],
      ['FLUSH_LOOKS_EARLY'],
      ['DUE_LOOKS_EARLY'],
      ['DUE_NEVER'],
      ['NEVER_MOVE_ON', 'EVICTS=1', 'SELF_WAKES=1'],
      ['MOVE_ON_RARELY', 'EVICTS=1', 'SELF_WAKES=1'],
      ['MOVE_ON_FIRST', 'EVICTS=1', 'SELF_WAKES=1'],
    ],
  },
  {
    name: 'park',
    holds: [[], ['EVICTION']],
    smaller: 'UNITS=2',
    mutants: [
      ['LOOK_BEFORE_ANNOUNCING'],
      ['NEED_AFTER_LOOKING'],
      ['LOOK_AGAIN_IF_SKIPPED'],
      ['SUSPEND_BLINDLY'],
      ['FORGET_PARKED'],
      ['LOOK_BEFORE_RELEASING'],
      ['CROSS_LATE'],
      ['NO_NOTIFY'],
      ['EVICT_UNTOLD', 'EVICTION'],
      ['EVICT_WITHOUT_LOOKING', 'EVICTION'],
    ],
  },
  {
    name: 'gate',
    holds: [[]],
    smaller: 'UNITS=8',
    lastChoiceFirst: true,
    mutants: [
      ['IGNORE_READERS'],
      ['ONE_MORE'],
      ['PAST_LIMIT'],
      ['JOIN_BELOW'],
      ['FORGET_PADDING'],
      ['SHOW_EARLY'],
      ['RELEASE_EARLY'],
    ],
  },
  {
    name: 'lap',
    holds: [[]],
    smaller: 'RECORDS=4',
    smallerMutants: true,
    mutants: [['NO_INTENT'], ['INTENT_LATE'], ['CHECK_EARLY'], ['CHECK_TAIL'], ['TRUST_HEADER']],
  },
  {
    name: 'epoch',
    holds: [[]],
    smaller: 'UNITS=32',
    smallerMutants: true,
    mutants: [['EPOCH_LATE'], ['EPOCH_FIRST'], ['NO_EPOCH'], ['EPOCH_STRICT']],
  },
  {
    name: 'evict',
    holds: [[]],
    smaller: 'RECORDS=4',
    smallerMutants: true,
    lastChoiceFirst: true,
    mutants: [['STATE_LATE'], ['STATE_FIRST'], ['NO_TEST'], ['NO_HEED'], ['HEED_FIRST']],
  },
  {
    name: 'join',
    holds: [[]],
    smaller: 'RECORDS=4',
    smallerMutants: true,
    lastChoiceFirst: true,
    mutants: [['KEEP_LIMIT'], ['RETAINED_BY_TAIL'], ['NOW_AT_TAIL']],
  },
  {
    name: 'count',
    holds: [[]],
    smaller: 'STORES=4',
    smallerMutants: true,
    mutants: [['SEQLOCK'], ['IN_PLACE'], ['TURN_FIRST'], ['SAME_COPY'], ['NO_SECOND_LOOK'], ['TURN_OF_ONE_BIT']],
  },
  {
    name: 'reuse',
    holds: [[]],
    mutants: [['BEFORE_EXIT'], ['KEEP_SLEEP'], ['UNGATED']],
  },
  {
    name: 'stop',
    holds: [[], ['KILLS=2']],
    smaller: 'SMALL',
    mutants: [
      ['VERSION_BEFORE_MESSAGE'],
      ['HEED_FIRST'],
      ['CONCLUDE_BY_MESSAGE'],
      ['CONCLUDE_OPEN'],
      ['CONCLUDE_BUSY'],
      ['COUNT_FROM_TAKEN'],
      ['KNOWS_VERSION', 'KILLS=1'],
      ['LOWER_TAKEN', 'KILLS=2', 'SMALL'],
      ['TAKEN_LATE', 'KILLS=1'],
      ['UNTIL_RELEASED', 'KILLS=1'],
      ['TELL_AGAIN', 'KILLS=1'],
      ['RESUME_SILENTLY', 'KILLS=1'],
      ['FORGET_STOP', 'KILLS=1'],
      ['CONCLUDE_ON_DEATH', 'KILLS=1'],
      ['DONE_BY_TAKEN', 'KILLS=1'],
    ],
  },
  {
    name: 'filter',
    holds: [[]],
    smaller: 'RECORDS=4',
    smallerMutants: true,
    mutants: [['VERSION_BEFORE_MESSAGE'], ['NO_VERSION'], ['VERSION_FIRST'], ['NO_SEQUENCE']],
  },
  {
    name: 'bell',
    holds: [['RECORDS=5']],
    mutants: [
      ['TAIL_FIRST'],
      ['LOOK_BEFORE_TAIL'],
      ['RING_FIRST'],
      ['LEAVE_SILENTLY'],
      ['LEAVING_AFTER'],
      ['LOOK_BEFORE_BIT'],
      ['NO_SECOND_LOOK'],
      ['IGNORE_LEAVING'],
      ['DEAF_TO_DEATH'],
    ],
  },
  {
    name: 'seal',
    holds: [['RECORDS=4']],
    mutants: [
      ['LOOK_BEFORE_TAIL'],
      ['NO_CLAIM'],
      ['CLAIM_BLINDLY'],
      ['SEAL_FIRST'],
      ['SEAL_BLINDLY'],
      ['LOOK_BEFORE_QUEUED'],
      ['NO_QUEUE_CLAIM'],
      ['QUEUED_BEFORE_SEAL'],
      ['GREET_LATE'],
      ['NO_STATE'],
      ['HEAR_FIRST'],
      ['NO_HEAR'],
    ],
  },
  {
    name: 'interest',
    holds: [['EVENTS=4']],
    mutants: [['SNAPSHOT_EARLY'], ['VERSION_FIRST'], ['UNCOUNTED'], ['VERSION_LATE'], ['NOTHING_UNTIL_MET']],
  },
  {
    name: 'lend',
    holds: [[]],
    smaller: 'OWN=2',
    mutants: [
      ['CONFIRM_EARLY'],
      ['VERSION_FIRST'],
      ['NO_VERSION'],
      ['LOAD_VERSION_FIRST'],
      ['REQUEST_BEFORE_RUN'],
      ['NO_PENDING_WANT'],
      ['ASK_ON_PORT'],
    ],
  },
  {
    name: 'offer',
    holds: [[]],
    mutants: [['NO_HOLD'], ['READ_ON'], ['NO_WAKE'], ['NO_REPEAT'], ['WAIT_FOR_THE_DEAD']],
  },
  {
    name: 'retire',
    holds: [[]],
    mutants: [
      ['FREE_WHEN_ENDED'],
      ['GONE_BEFORE_ITS_END'],
      ['KEEP_ITS_SLOTS'],
      ['RETIRE_WHILE_ASKED'],
      ['RELEASE_BEFORE_LAST_TOUCH'],
      ['CLOSE_BEFORE_LAST_TOUCH'],
    ],
  },
];

const sources = fileURLToPath(new URL('../../../test/models/', import.meta.url));
const missing = ['spin', 'gcc'].filter((tool) => !hasProgram(tool));
const skip = missing.length > 0 && `needs ${missing.join(' and ')} (Debian: apt-get install spin gcc tcc)`;

function hasProgram(name: string): boolean {
  return spawnSync(name, ['--version']).error === undefined;
}

function run(directory: string, command: string, args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: directory, encoding: 'utf8' });
  if (error !== undefined || status !== 0) {
    throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? `exit ${status}`}\n${stdout}${stderr}`);
  }
  return stdout;
}

/** Ways to the bottom of the deepest model are 1,500 steps long; room for more costs time. */
const MAX_DEPTH = 10_000;

interface Search {
  readonly compiler: readonly string[];
  /** Bits of the size of the table of states. */
  readonly hashBits: number;
}

const HAS_TCC = hasProgram('tcc');
/** What spin has definitions replaced by: the same text in half the time. */
const PREPROCESSOR = HAS_TCC ? ['-Ptcc -E -xc'] : [];
/**
 * Where compiling would take longer than searching. tcc, where it is, compiles in a twentieth of gcc's time. Of a state only
 * 64 bits of a hash are kept (HC4): two of the two million that are most would be taken for one in one of ten million runs.
 */
const SHORT: Search = { compiler: [...(HAS_TCC ? ['tcc'] : ['gcc', '-O0']), '-DHC4'], hashBits: 20 };
/** Most fail after few thousand states: to clear the larger table would take longer than the search. */
const UNTIL_FAILURE: Search = { ...SHORT, hashBits: 18 };
/** Where searching takes minutes, and states need gigabytes. */
const LONG: Search = { compiler: ['gcc', '-O1', '-DCOLLAPSE'], hashBits: 24 };

/** Searches all interleavings, or up to the first failure. Returns pan's report. */
function check(
  model: string,
  definitions: readonly string[],
  { compiler: [compiler, ...options], hashBits }: Search,
): string {
  const directory = mkdtempSync(join(tmpdir(), 'ringcast-model-'));
  try {
    run(directory, 'spin', [
      ...PREPROCESSOR,
      '-a',
      ...definitions.map((name) => `-D${name}`),
      join(sources, `${model}.pml`),
    ]);
    const flags = ['-w', ...options, '-DSAFETY', '-DMEMLIM=1900'];
    const limits = [`-m${MAX_DEPTH}`, `-w${hashBits}`];
    // Run where it was compiled: without a file, and a process less.
    if (compiler === 'tcc') return run(directory, 'tcc', [...flags, '-run', 'pan.c', ...limits]);
    run(directory, compiler!, [...flags, '-o', 'pan', 'pan.c']);
    return run(directory, './pan', limits);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

// A search blocks the event loop. Between two of them the report goes out: who watches this process takes silence for a hang.
beforeEach(turn);

for (const { name, holds, smaller, smallerMutants, lastChoiceFirst, mutants } of models.filter((_, index) =>
  inShard(index),
)) {
  const size = FULL || smaller === undefined ? [] : [smaller];
  for (const hold of holds) {
    const definitions = [...hold, ...size];
    test(`model ${[name, ...definitions].join(' ')} holds`, { skip }, (t) => {
      const report = check(name, definitions, FULL ? LONG : SHORT);
      assert.match(report, /errors: 0\n/, report);
      assert.doesNotMatch(report, /not completed|too small|out of memory/, report);
      t.diagnostic(/\d+ states, stored/.exec(report)![0]);
    });
  }
  const search: Search = lastChoiceFirst
    ? { ...UNTIL_FAILURE, compiler: [...UNTIL_FAILURE.compiler, '-DT_REVERSE'] }
    : UNTIL_FAILURE;
  for (const definitions of mutants) {
    test(`model ${name} fails when ${definitions[0]}`, { skip }, () => {
      const report = check(name, smallerMutants ? [...definitions, ...size] : definitions, search);
      assert.match(report, /assertion violated|invalid end state/, report);
      assert.match(report, /errors: [1-9]/, report);
    });
  }
}
