/**
 * Process warnings in numbers that somebody reads: the first of a kind as they come, of what follows at once a count and the
 * last. Node prints each warning from a task of its own, so a flood would hold memory and the event loop besides.
 */
import { setTimeout } from './timing.js';

/** Warnings of one kind that are shown one by one until there is a pause. */
const SHOWN_AT_ONCE = 16;
/** How long a kind has to be quiet to be shown one by one again, and how often its count is told. */
const PAUSE_MS = 1_000;

interface Kind {
  shown: number;
  leftOut: number;
  last: Error | undefined;
}

const kinds = new Map<string, Kind>();

/** @param kind such as the error's code: warnings of one kind are counted together */
export function warnOf(kind: string, error: Error): void {
  let state = kinds.get(kind);
  if (state === undefined) {
    state = { shown: 0, leftOut: 0, last: undefined };
    kinds.set(kind, state);
    lookLater(kind, state);
  }
  if (state.shown < SHOWN_AT_ONCE) {
    state.shown++;
    process.emitWarning(error);
    return;
  }
  state.leftOut++;
  state.last = error;
}

function lookLater(kind: string, state: Kind): void {
  setTimeout(() => {
    const { leftOut, last } = state;
    if (last === undefined) {
      kinds.delete(kind);
      return;
    }
    state.leftOut = 0;
    state.last = undefined;
    lookLater(kind, state);
    try {
      process.emitWarning(`${leftOut} more were not shown; the last: ${last.message}`, { type: last.name, code: kind });
    } catch {
      // There is nobody left to tell.
    }
  }, PAUSE_MS).unref();
}
