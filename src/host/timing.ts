/**
 * Timers and clocks, taken from Node when this module is loaded. Tests of users replace the global ones later, and move
 * them as they like: nothing of ours waits for that, or is late because of it. No other file uses a timer or a clock of
 * its own.
 *
 * What was replaced even before is found again where Node has another way to it; {@link checkTimers} names the rest.
 */
import { performance } from 'node:perf_hooks';
import * as timers from 'node:timers';
import { FakeTimersError } from '../errors.js';

// Asked for, not imported: an import opens standard input, and whoever reads it synchronously then gets EAGAIN.
// Deno's module lacks what its `process` has.
const {
  getActiveResourcesInfo,
  hrtime: nodeHrtime,
  uptime = process.uptime,
} = process.getBuiltinModule('node:process');

// Constants: what a module of Node's exports may be set anew.
export const setTimeout = timers.setTimeout;
export const clearTimeout = timers.clearTimeout;
export const setInterval = timers.setInterval;
export const clearInterval = timers.clearInterval;
export const setImmediate = timers.setImmediate;

/** The longest time that a timer takes: with more, it would be over at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** Timers that somebody had replaced before this module was loaded. Without Node's own nothing is delivered. */
const FAKED_TIMERS: readonly string[] = [
  ...(isKnownToNode('Timeout', setTimeout, clearTimeout) ? [] : ['setTimeout']),
  ...(isKnownToNode('Timeout', setInterval, clearInterval) ? [] : ['setInterval']),
  ...(isKnownToNode('Immediate', setImmediate, timers.clearImmediate) ? [] : ['setImmediate']),
];

/** @throws {FakeTimersError} `BUS_FAKE_TIMERS` */
export function checkTimers(): void {
  if (FAKED_TIMERS.length > 0) throw new FakeTimersError(FAKED_TIMERS.join(', '));
}

function isKnownToNode<T>(resource: string, set: (act: () => void) => T, clear: (timer: T) => void): boolean {
  // It tells of no timer, so nothing can be told of them.
  if (process.versions.bun !== undefined) return true;
  const count = (): number => getActiveResourcesInfo().filter((active) => active === resource).length;
  const before = count();
  const timer = set(() => {});
  const known = count() > before;
  clear(timer);
  return known;
}

const RESOLVED = Promise.resolve();

/** Calls `act` when the code that runs has returned. A reaction of a promise: fakes replace only the function. */
export function queueMicrotask(act: () => void): void {
  void RESOLVED.then(act);
}

/** Resolves after the loop has had a turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

// The method of the class: fakes replace the one of the object. Bun has only that one.
const { now = performance.now } = Object.getPrototypeOf(performance) as Partial<typeof performance>;
const performanceNow = now.bind(performance);

/** Milliseconds, with fractions, on a clock that nobody sets: only differences mean anything. */
export const monotonicMs: () => number = runs(performanceNow) ? performanceNow : () => uptime() * 1e3;

/** The same as whole seconds and nanoseconds. */
export const monotonicTime: () => [seconds: number, nanos: number] = runs(() => nodeHrtime()[1])
  ? nodeHrtime
  : () => {
      const seconds = uptime();
      return [Math.floor(seconds), Math.floor((seconds % 1) * 1e9)];
    };

/** The clock of {@link monotonicMs} begins with its thread. */
const [startedSeconds, startedNanos] = monotonicTime();
const threadStartMs = startedSeconds * 1e3 + startedNanos / 1e6 - monotonicMs();

/** The same as {@link monotonicMs}, on one clock for all threads of the process. */
export function processMs(): number {
  return threadStartMs + monotonicMs();
}

/** Whether a clock runs. One that is faked stands still until somebody moves it. */
function runs(clock: () => number): boolean {
  const before = clock();
  for (let i = 0; i < 100; i++) if (clock() !== before) return true;
  return false;
}

const systemNow = systemDate().now;
const { timeOrigin } = performance;
/** More than what the system clock is cut by. */
const ORIGIN_TOLERANCE_MS = 1.5;

/** Milliseconds since 1970 by the system's clock, which may be set; with fractions unless it was set since the start. */
export function systemMs(): number {
  const wholeMs = systemNow();
  const ms = timeOrigin + performanceNow();
  return Math.abs(ms - wholeMs) < ORIGIN_TOLERANCE_MS ? ms : wholeMs;
}

function systemDate(): DateConstructor {
  const isNative = /^function now\(\) \{ \[native code\] \}$/.test(Function.prototype.toString.call(Date.now));
  return isNative ? Date : (process.getBuiltinModule('node:vm').runInNewContext('Date') as DateConstructor);
}
