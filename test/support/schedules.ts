/** Which interleavings of a scene are run: all with few preemptions, or random ones that a seed replays. */
import { type Choose, Interleaving, type Outcome, type Scene } from './interleaving.js';

export interface Explored {
  readonly schedules: number;
  /** True when no schedule within the bound was skipped. */
  readonly complete: boolean;
}

/** Adds to an error which schedule it came from. */
function runOne(scene: Scene, choose: Choose, check: (outcome: Outcome) => void, name: () => string): void {
  try {
    check(new Interleaving(scene, choose).run());
  } catch (error) {
    if (error instanceof Error) error.message += ` [schedule ${name()}]`;
    throw error;
  }
}

/**
 * Runs every schedule in which a thread that could go on is interrupted at most `maxPreemptions` times, depth first, up to
 * `maxSchedules`. (The bound of CHESS, https://dl.acm.org/doi/10.1145/1273442.1250785: few preemptions find most faults.)
 */
export function exploreAll(
  scene: Scene,
  maxPreemptions: number,
  maxSchedules: number,
  check: (outcome: Outcome) => void,
): Explored {
  /** For each choice of the present schedule: the threads to choose from, and which of them it is. */
  const path: { options: readonly number[]; taken: number }[] = [];
  for (let schedules = 1; ; schedules++) {
    let depth = 0;
    let preemptions = 0;
    const choose: Choose = (current, enabled) => {
      const continues = enabled.includes(current);
      const choice = path[depth] ?? {
        options: !continues
          ? enabled
          : preemptions < maxPreemptions
            ? [current, ...enabled.filter((thread) => thread !== current)]
            : [current],
        taken: 0,
      };
      path[depth++] = choice;
      if (continues && choice.taken > 0) preemptions++;
      return choice.options[choice.taken]!;
    };
    runOne(scene, choose, check, () => path.map(({ taken }) => taken).join(''));
    path.length = depth;
    while (path.length > 0 && path.at(-1)!.taken + 1 === path.at(-1)!.options.length) path.pop();
    if (path.length === 0) return { schedules, complete: true };
    if (schedules === maxSchedules) return { schedules, complete: false };
    path.at(-1)!.taken++;
  }
}

/** A generator of numbers from 0 to 1; the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Runs `count` random schedules; the seed of one that fails is in its error. */
export function exploreRandom(
  sceneOf: (random: () => number) => Scene,
  firstSeed: number,
  count: number,
  check: (outcome: Outcome) => void,
): void {
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    const random = randomFrom(seed);
    const scene = sceneOf(random);
    // Some schedules switch at nearly every step, some hardly ever.
    const restlessness = 0.02 + random() ** 2 * 0.6;
    const choose: Choose = (current, enabled) => {
      if (enabled.includes(current) && random() > restlessness) return current;
      return enabled[Math.floor(random() * enabled.length)]!;
    };
    runOne(scene, choose, check, () => `seed ${seed}`);
  }
}
