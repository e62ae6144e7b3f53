/** Writes the script of a round from a seed. */
import { Dice } from '../torture/payload.js';
import { BLOCK, MAX_SIZE, ORIGINS } from './events.js';
import type { Action, Ending, Running, Script, Sending, Subscribing } from './script.js';
import type { Temper } from './temper.js';
import { FILTERS, TOPICS } from './topics.js';

/** Just below the edges of the position counters, in units. */
const STARTS = [0, 0, 2 ** 30 - 3_000, 2 ** 31 - 3_000, 2 ** 32 - 3_000, 2 ** 33 - 3_000];
const NO_STALLS_MS = 600_000;
/** Long enough for a thread to start on a busy machine. */
const HANG_TIMEOUT_MS = 4_000;

/** Writes the script of one round. */
export function writeScript(seed: number, round: number): Script {
  return new ScriptWriter(seed, round).script();
}

class ScriptWriter {
  readonly #dice: Dice;
  readonly #seed: number;
  readonly #round: number;
  /** Rounds without threads are over much sooner, and leave less to chance. */
  readonly #threads: boolean;
  /** They take as long as it takes to see that a thread hangs. */
  readonly #sticks: boolean;
  #started = 0;

  constructor(seed: number, round: number) {
    this.#dice = new Dice(seed * 1_000 + round);
    this.#seed = seed;
    this.#round = round;
    this.#threads = round % 3 !== 0;
    this.#sticks = round % 8 === 5;
  }

  script(): Script {
    return {
      seed: this.#seed,
      round: this.#round,
      capacityBytes: this.#oneIn(4) ? 2 ** 17 : 2 ** 16,
      startPosition: this.#of(STARTS),
      stallTimeoutMs: this.#of([NO_STALLS_MS, NO_STALLS_MS, 120, 400]),
      maxPendingBytes: this.#of([2 ** 24, 2 ** 16, 2 ** 14]),
      keepUnwanted: this.#oneIn(3),
      flush: this.#oneIn(4) ? 'each' : 'burst',
      actions: Array.from({ length: 40 + this.#roll(200) }, () => this.#action()),
      ending: this.#ending(),
    };
  }

  #action(): Action {
    const which = this.#roll(100);
    const dice = this.#roll(100);
    if (dice < 37) return this.#sending(2);
    if (dice < 42) return this.#running();
    if (dice < 54) return this.#subscribing();
    if (dice < 57) return { do: 'refuse', how: this.#roll(100) };
    if (dice < 61) return this.#next();
    if (dice < 64) return { do: this.#of(['stop', 'abort', 'return'] as const), which };
    if (dice < 67) return { do: 'drain', which };
    if (dice < 70) return { do: 'setFilter', which, filter: this.#filter() };
    if (dice < 78) return { do: 'pull', which, times: 1 + this.#roll(12) };
    if (dice < 82) return this.#threads ? { do: 'kill', which } : { do: 'turn' };
    if (dice < 83) return { do: 'block', ms: this.#roll(30) };
    if (dice < 87) return { do: 'sleep', ms: this.#roll(this.#threads ? 60 : 4) };
    return { do: this.#of(['turn', 'turn', 'flush', 'writable'] as const) };
  }

  #sending(depth: number): Sending {
    const nests = depth > 0 && this.#oneIn(6);
    const length = nests ? 1 + this.#roll(4) : 0;
    const inside = Array.from({ length }, () => this.#inside(depth - 1));
    return {
      do: 'send',
      verb: this.#of(['publish', 'publish', 'publish', 'tryPublish', 'publishSync', 'forward'] as const),
      topic: this.#roll(TOPICS.length + 1),
      shape: nests ? 'plain' : this.#of(['plain', 'typed', 'bytes'] as const),
      size: this.#oneIn(5) ? this.#roll(MAX_SIZE) : this.#roll(120),
      namespace: this.#oneIn(4) ? 'other' : undefined,
      times: nests ? 1 : 1 + this.#roll(this.#oneIn(4) ? 60 : 6),
      waits: this.#oneIn(2),
      inside,
      byToJson: this.#oneIn(4),
    };
  }

  #running(): Running {
    const size = this.#oneIn(5) ? this.#roll(MAX_SIZE) : this.#roll(120);
    return { do: 'forwardAll', topic: this.#roll(TOPICS.length + 1), size, length: 1 + this.#roll(BLOCK) };
  }

  #except(): number[] {
    return this.#oneIn(3) ? [...ORIGINS.keys()].filter(() => this.#oneIn(2)) : [];
  }

  #inside(depth: number): Action {
    const dice = this.#roll(12);
    if (dice < 5) return this.#sending(depth);
    if (dice < 6) return this.#running();
    if (dice < 8) {
      const form = this.#of(['handler', 'isolated', 'stream'] as const);
      return { ...this.#subscribing(), form, limit: undefined };
    }
    if (dice < 10) return { do: this.#of(['stop', 'drain'] as const), which: this.#roll(100) };
    if (dice < 11) return { do: 'setFilter', which: this.#roll(100), filter: this.#filter() };
    return { do: 'throw' };
  }

  #subscribing(): Subscribing {
    const forms = ['handler', 'handler', 'isolated', 'stream', 'pulled', 'thread', 'batches'] as const;
    const form = this.#of(this.#threads && this.#started < 4 ? forms : forms.slice(0, 5));
    const inThread = form === 'thread' || form === 'batches';
    if (inThread) this.#started++;
    const isHandler = form === 'handler' || form === 'isolated';
    const dedicated = inThread && this.#oneIn(3);
    const sticks = inThread && !dedicated && this.#sticks;
    return {
      do: 'subscribe',
      form,
      filter: this.#filter(),
      except: this.#except(),
      lossy: this.#oneIn(3),
      from: this.#oneIn(4)
        ? this.#of(['oldest', { last: this.#roll(8) }, { back: this.#roll(60) - 20 }] as const)
        : 'now',
      limit: isHandler && this.#oneIn(5) ? 1 + this.#roll(4) : undefined,
      dedicated,
      diesOnce: inThread && this.#oneIn(8),
      hangTimeoutMs: sticks ? HANG_TIMEOUT_MS : undefined,
      temper: this.#temper(inThread, sticks),
    };
  }

  #temper(inThread: boolean, sticks: boolean): Temper {
    const wild = this.#oneIn(2);
    return {
      salt: this.#roll(2 ** 20),
      throw: wild ? 23 : 0,
      reject: wild ? 29 : 0,
      wait: this.#oneIn(2) ? 7 : 0,
      hang: this.#oneIn(4) ? 101 : 0,
      hangMs: 20 + this.#roll(600),
      act: inThread ? 0 : 19,
      die: inThread && this.#oneIn(2) ? 83 : 0,
      stick: sticks ? 13 : 0,
      poison: inThread && this.#oneIn(5) ? 211 : 0,
    };
  }

  #next(): Action {
    const timeoutMs = this.#oneIn(3) ? this.#roll(100) : undefined;
    return { do: 'next', filter: this.#filter(), except: this.#except(), timeoutMs, aborts: this.#oneIn(4) };
  }

  #ending(): Ending {
    const dice = this.#roll(8);
    if (dice < 2) return { do: 'deadline', ms: this.#of([0, 15, 150]) };
    if (dice < 3) return { do: 'destroy', closingFirst: this.#oneIn(2) };
    return { do: 'close', where: this.#of(['here', 'here', 'emptied', 'handler', 'stream'] as const) };
  }

  #filter(): number {
    return this.#oneIn(3) ? 0 : this.#roll(FILTERS.length);
  }

  #oneIn(sides: number): boolean {
    return this.#roll(sides) === 0;
  }

  #of<T>(choices: readonly T[]): T {
    return choices[this.#roll(choices.length)]!;
  }

  #roll(sides: number): number {
    return this.#dice.roll(sides);
  }
}
