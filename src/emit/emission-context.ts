/**
 * Emission through context: a subsystem emits without having been given anything, through the emitter that its caller, or
 * its caller's caller, runs it with. The context follows awaits and timers, and ends at the thread's border.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { InvalidOptionError, NoEmitterError } from '../errors.js';
import { reportError } from '../host/report.js';
import { threadEmitter } from '../host/thread-emitter.js';
import { checkFunction } from '../option-check.js';
import { errorOf } from '../shown.js';
import type { EmitOptions, Emitter } from './emitter.js';

/**
 * Shared by all copies of the package that a thread loads (bundlers and test runners make some): the emitter of one is found
 * by `emit` of another. The number changes with what an emitter has to be.
 */
const CONTEXT = Symbol.for('ringcast.emission-context.1');
const host = process as unknown as Record<symbol, AsyncLocalStorage<Emitter> | undefined>;
const context = (host[CONTEXT] ??= new AsyncLocalStorage<Emitter>());

/**
 * Runs `fn`, and everything it starts, with `emitter` as the current one. Returns what `fn` returns. Nests.
 *
 * @throws {InvalidOptionError} `BUS_INVALID_OPTION` when it is no emitter or no function
 */
export function runWithEmitter<R>(emitter: Emitter, fn: () => R): R {
  // Refused here: where it is used, far away, nobody knows where it came from.
  if (!isEmitter(emitter)) {
    throw new InvalidOptionError('emitter', emitter, 'an object with an emit function, such as bus.emitter()');
  }
  checkFunction('fn', fn);
  return context.run(emitter, fn);
}

/** The emitter that the current code runs with; in the thread of a subscriber module, at least that of its bus. */
export function currentEmitter(): Emitter | undefined {
  return context.getStore() ?? (threadEmitter() as Emitter | undefined);
}

/**
 * Runs `fn` with the current emitter in another namespace; with no emitter, it just runs `fn`.
 *
 * @throws {InvalidOptionError} `BUS_INVALID_OPTION` when it is no function
 * @throws {InvalidNamespaceError} `BUS_INVALID_NAMESPACE`
 */
export function withNamespace<R>(namespace: string, fn: () => R): R {
  checkFunction('fn', fn);
  const inNamespace = currentEmitter()?.withNamespace?.(namespace);
  return inNamespace === undefined ? fn() : context.run(inNamespace, fn);
}

/**
 * Emits through the current emitter; see {@link Emitter.emit}.
 *
 * @throws {NoEmitterError} `BUS_NO_EMITTER` outside any {@link runWithEmitter}, but in the thread of a subscriber module
 */
export function emit(topic: string, event: unknown, options?: EmitOptions): boolean {
  const emitter = currentEmitter();
  if (emitter === undefined) throw new NoEmitterError(topic);
  return emitter.emit(topic, event, options);
}

/**
 * Emits through the current emitter, or does nothing and returns false where there is none. Never throws, whatever the
 * emitter is: what an emitter throws although it should not becomes a process warning.
 */
export function tryEmit(topic: string, event: unknown): boolean {
  try {
    return currentEmitter()?.emit(topic, event) ?? false;
  } catch (error) {
    reportError(errorOf(error));
    return false;
  }
}

function isEmitter(value: unknown): value is Emitter {
  try {
    return typeof (value as Emitter | null | undefined)?.emit === 'function';
  } catch {
    return false;
  }
}
