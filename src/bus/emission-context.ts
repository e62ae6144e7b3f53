/**
 * Emission through context: a subsystem emits without having been given anything, through the emitter that its caller, or
 * its caller's caller, runs it with. The context follows awaits and timers, and ends at the thread's border.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { NoEmitterError } from '../errors.js';
import type { EmitOptions, Emitter } from './emitter.js';
import { reportError } from './report.js';

const context = new AsyncLocalStorage<Emitter>();

/** Runs `fn`, and everything it starts, with `emitter` as the current one. Returns what `fn` returns. Nests. */
export function runWithEmitter<R>(emitter: Emitter, fn: () => R): R {
  return context.run(emitter, fn);
}

/** The emitter that the current code runs with, or undefined. */
export function currentEmitter(): Emitter | undefined {
  return context.getStore();
}

/** Runs `fn` with the current emitter in another namespace; with no emitter, it just runs `fn`. */
export function withNamespace<R>(namespace: string, fn: () => R): R {
  const emitter = context.getStore();
  return emitter?.withNamespace === undefined ? fn() : context.run(emitter.withNamespace(namespace), fn);
}

/**
 * Emits through the current emitter; see {@link Emitter.emit}.
 *
 * @throws {NoEmitterError} `BUS_NO_EMITTER` outside any {@link runWithEmitter}
 */
export function emit(topic: string, event: unknown, options?: EmitOptions): boolean {
  const emitter = context.getStore();
  if (emitter === undefined) throw new NoEmitterError(topic);
  return emitter.emit(topic, event, options);
}

/**
 * Emits through the current emitter, or does nothing and returns false where there is none. Never throws, whatever the
 * emitter is: what an emitter throws although it should not becomes a process warning.
 */
export function tryEmit(topic: string, event: unknown): boolean {
  try {
    return context.getStore()?.emit(topic, event) ?? false;
  } catch (error) {
    reportError(error instanceof Error ? error : new Error(String(error)));
    return false;
  }
}
