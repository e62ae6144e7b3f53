/** Finds a shorter script that breaks a law as well: leaves actions out, in ever smaller pieces. */
import type { Script } from './script.js';

/** What threads do follows from no seed: a script that breaks a law once need not do so each time. */
const TRIES = 3;

/** What a fault is about, whatever the numbers in it. */
const kindOf = (fault: string): string => fault.replace(/^action \d+: /, '').replace(/\d+/g, '#');

/**
 * @param fault one that the script was seen to have: others do not count
 * @param run runs a script; returns the laws it broke
 * @returns the shortest script found, and what it broke; undefined: none broke anything again
 */
export async function shrink(
  script: Script,
  fault: string,
  budgetMs: number,
  run: (script: Script) => Promise<readonly string[]>,
): Promise<{ readonly script: Script; readonly faults: readonly string[] } | undefined> {
  const endMs = performance.now() + budgetMs;
  let found: { script: Script; faults: readonly string[] } | undefined;
  let { actions } = script;
  for (let piece = Math.ceil(actions.length / 2); piece >= 1; piece = piece === 1 ? 0 : Math.ceil(piece / 2)) {
    for (let from = 0; from < actions.length; ) {
      const shorter = { ...script, actions: actions.toSpliced(from, piece) };
      const faults = await faultsLike(kindOf(fault), shorter, endMs, run);
      if (performance.now() > endMs) return found;
      if (faults === undefined) from += piece;
      else {
        found = { script: shorter, faults };
        actions = shorter.actions;
      }
    }
  }
  return found;
}

async function faultsLike(
  kind: string,
  script: Script,
  endMs: number,
  run: (script: Script) => Promise<readonly string[]>,
): Promise<readonly string[] | undefined> {
  for (let tries = 0; tries < TRIES && performance.now() < endMs; tries++) {
    const faults = await run(script);
    if (faults.some((fault) => kindOf(fault) === kind)) return faults;
  }
  return undefined;
}
