/** Where errors go that no caller is there to catch: to a listener, or into a process warning. Never a crash. */
import type { EventEmitter } from 'node:events';
import { BusError } from '../errors.js';
import { warnOf } from './warnings.js';

/** Tells the first of `emitters` that somebody listens to; with none, the process is warned. */
export function reportError(error: Error, ...emitters: readonly EventEmitter[]): void {
  for (const emitter of emitters) {
    if (emitter.listenerCount('error') > 0) {
      emitSafely(emitter, 'error', error);
      return;
    }
  }
  warn(error, '');
}

/** Warns of whatever was thrown. Does not throw, whatever has taken the place of `process.emitWarning`. */
function warn(thrown: unknown, otherwise: string): void {
  try {
    const error = withStacks(isError(thrown) ? thrown : new Error(otherwise, { cause: thrown }));
    warnOf(error instanceof BusError ? error.code : error.name, error);
  } catch {
    // There is nobody left to tell.
  }
}

/** Causes of causes that are shown. */
const MAX_CAUSES = 4;

/**
 * Gives a warning its stack as its detail, as Node prints the message of a warning alone: that of its cause where there is
 * one, as the code of the user is in there.
 */
function withStacks(error: Error): Error {
  try {
    const detail = stacksOf(error);
    // Not enumerable: what is shown of the error elsewhere does not grow by it.
    if (detail !== '') Object.defineProperty(error, 'detail', { value: detail, configurable: true });
  } catch {
    // A frozen error, or a stack that throws as it is read: the message it is.
  }
  return error;
}

function stacksOf(error: Error): string {
  const stacks: string[] = [];
  for (let cause = error.cause; isError(cause) && stacks.length < MAX_CAUSES; cause = cause.cause) {
    stacks.push(`caused by ${cause.stack}`);
  }
  // Where an error of ours was made tells a user nothing.
  return stacks.length > 0 || error instanceof BusError ? stacks.join('\n') : `${error.stack}`;
}

function isError(thrown: unknown): thrown is Error {
  try {
    return thrown instanceof Error;
  } catch {
    // A proxy that does not tell its prototype.
    return false;
  }
}

/** Emits an event whose listeners may throw: their error becomes a process warning, as the caller cannot handle it. */
export function emitSafely(emitter: EventEmitter, event: string, ...values: readonly unknown[]): void {
  try {
    emitter.emit(event, ...values);
  } catch (error) {
    warn(error, `a listener of ${event} threw`);
  }
}

/** Of a listener that returned a promise, which was rejected; called by Node. */
export function warnOfRejection(error: unknown, event: string | symbol): void {
  warn(error, `a listener of ${String(event)} rejected`);
}

/** A promise that does not end the process when it is rejected and nobody watches it. */
export function unwatched<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
