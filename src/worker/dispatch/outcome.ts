/**
 * What handlers return, which may be anything: promises of subclasses and of other realms, thenables that throw, proxies.
 * Whatever it is, it is waited for as `await` does, and what goes wrong is the failure of that handler and nothing else.
 */
import { types } from 'node:util';

/** That of async functions, whatever stands for it in this thread: zone.js and others replace the global one. */
const NativePromise = Object.getPrototypeOf((async () => {})()).constructor as PromiseConstructor;
/** As it is before any code of users' runs. */
const { then } = NativePromise.prototype;

/**
 * What has to be awaited of what a handler returned; undefined: nothing. The event is handled when it resolves.
 *
 * @throws whatever looking at it throws, and a TypeError for a generator, of which nothing has run
 */
export function pendingOutcome(returned: unknown): PromiseLike<unknown> | undefined {
  if (returned === null || (typeof returned !== 'object' && typeof returned !== 'function')) return undefined;
  if (types.isPromise(returned)) return awaitable(returned);
  if (types.isGeneratorObject(returned)) {
    throw new TypeError('the handler returned a generator, which nobody runs: return a promise, or nothing');
  }
  return typeof (returned as { then?: unknown }).then === 'function' ? (returned as PromiseLike<unknown>) : undefined;
}

/**
 * A promise whose `await` runs nothing of the user's but a `then` of a subclass. A promise that rejects while that throws
 * would count as unhandled, and end the process.
 */
function awaitable(promise: Promise<unknown>): PromiseLike<unknown> {
  const own = Object.getOwnPropertyDescriptor(promise, 'constructor');
  if (own === undefined && isPlain(promise)) return promise;
  // What `then` makes its result of, for as long as it takes: a constructor of the user's may do anything.
  const pinned = Reflect.defineProperty(promise, 'constructor', { value: NativePromise, configurable: true });
  if (!pinned) {
    markHandled(promise);
    return promise;
  }
  const plain: Promise<unknown> = Reflect.apply(then, promise, []);
  if (own === undefined) Reflect.deleteProperty(promise, 'constructor');
  else Reflect.defineProperty(promise, 'constructor', own);
  // Marks it as handled, whatever becomes of what follows.
  plain.catch(() => {});
  return promise.then === then ? plain : promise;
}

/** Whether it inherits the constructor of native promises. */
function isPlain(promise: Promise<unknown>): boolean {
  try {
    return promise.constructor === NativePromise;
  } catch {
    // A getter of the user's.
    return false;
  }
}

/** As far as a promise lets us that cannot be changed: Node counts as handled what its own `then` was called on. */
function markHandled(promise: Promise<unknown>): void {
  try {
    Reflect.apply(then, promise, [undefined, () => {}]);
  } catch {
    // A constructor that throws as it is read: nobody can wait for that promise, nor the handler itself.
  }
}
