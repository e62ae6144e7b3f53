/** Round after round, until the time is up or a law is broken; then the shortest script that still breaks one. */
import { countLeftovers, grownSince, type Leftovers } from './leftovers.js';
import { Round } from './round.js';
import type { RoundResult } from './round-result.js';
import type { Script } from './script.js';
import { writeScript } from './script-writer.js';
import { shrink } from './shrink.js';
import { Watchdog } from './watchdog.js';

export interface RandomUseOptions {
  readonly seed: number;
  /** The first round; default 0. */
  readonly round?: number;
  readonly durationMs: number;
  /** Deliveries at least, however long they take; default 1. */
  readonly minDeliveries?: number;
  /** Rounds at most. */
  readonly rounds?: number;
  /** How long to look for a shorter script that breaks a law too. */
  readonly shrinkMs: number;
  readonly onRound?: (round: number, result: RoundResult) => void;
}

export interface RandomUseReport extends Omit<RoundResult, 'faults'> {
  readonly seed: number;
  rounds: number;
  /** Of the round that broke a law. */
  faults: readonly string[];
  /** The shortest that was found. */
  script: Script | undefined;
}

const PATIENCE_MS = 60_000;

export async function useAtRandom(options: RandomUseOptions): Promise<RandomUseReport> {
  const { seed, round: first = 0, minDeliveries = 1, rounds = Number.POSITIVE_INFINITY } = options;
  const total = { events: 0, deliveries: 0, subscriptions: 0, restarts: 0, evictions: 0, lagged: 0 };
  const report = { seed, rounds: 0, faults: [] as readonly string[], script: undefined as Script | undefined };
  const sums = { ...total, redelivered: 0, deadLetters: 0, undelivered: 0 };
  const endMs = performance.now() + options.durationMs;
  await using rig = new Rig();
  let before: Leftovers | undefined;
  const goesOn = (): boolean => performance.now() < endMs || sums.deliveries < minDeliveries;
  for (let round = first; goesOn() && report.rounds < rounds; round++) {
    const script = writeScript(seed, round);
    const result = await rig.run(script);
    report.rounds++;
    for (const key of Object.keys(sums) as (keyof typeof sums)[]) sums[key] += result[key];
    options.onRound?.(round, result);
    // Not before the first round: it loads what stays.
    before ??= countLeftovers();
    if (result.faults.length === 0) continue;
    report.faults = result.faults;
    report.script = script;
    const found = await shrink(
      script,
      result.faults[0]!,
      options.shrinkMs,
      async (shorter) => (await rig.run(shorter)).faults,
    );
    if (found !== undefined) ({ script: report.script, faults: report.faults } = found);
    break;
  }
  if (before !== undefined && report.faults.length === 0) report.faults = await grownSince(before, () => rig.beat());
  return { ...report, ...sums };
}

/** Runs one script, with the watchdog about. */
export async function runScript(script: Script): Promise<RoundResult> {
  await using rig = new Rig();
  return await rig.run(script);
}

class Rig implements AsyncDisposable {
  #round: Round | undefined;
  readonly #watchdog = new Watchdog(PATIENCE_MS, () => this.#state());

  async run(script: Script): Promise<RoundResult> {
    const round = new Round(script, () => this.#watchdog.beat());
    this.#round = round;
    const { seed, round: number } = script;
    this.#watchdog.tell(`seed ${seed}, round ${number}: ${JSON.stringify(script)}`);
    try {
      return await round.run();
    } finally {
      // Or what it made would be counted as left.
      this.#round = undefined;
    }
  }

  /** Something goes on. */
  beat(): void {
    this.#watchdog.beat();
  }

  #state(): string {
    const round = this.#round;
    if (round === undefined) return '';
    const { at, faults, pending, bus } = round;
    return JSON.stringify({ at, faults, pending: [...pending.values()], stats: bus.stats() }, undefined, 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watchdog.stop();
  }
}
