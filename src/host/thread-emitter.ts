/**
 * The emitter of a thread that belongs to a subscriber module: what `emit` finds there where nothing is run with another one.
 *
 * Shared by all copies of the package that the thread loads. The number changes with what an emitter has to be.
 */
const EMITTER = Symbol.for('ringcast.thread-emitter.1');
const host = process as unknown as Record<symbol, object | undefined>;

export function setThreadEmitter(emitter: object): void {
  host[EMITTER] = emitter;
}

export function threadEmitter(): object | undefined {
  return host[EMITTER];
}
