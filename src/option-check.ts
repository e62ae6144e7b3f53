/** Checks of options objects: bad input is refused before anything is changed. */
import { InvalidOptionError, UnknownOptionError } from './errors.js';

/**
 * Reads options that the user gave, each once: whatever the object says later, this is what it said.
 *
 * @returns a copy of an object (empty for undefined) that has known keys only
 */
export function readOptions<T extends object>(
  name: string,
  options: T | undefined,
  known: readonly (keyof T & string)[],
): T {
  const copy: Partial<T> = {};
  if (options === undefined) return copy as T;
  const keys = readable(name, () => keysOf(options));
  if (keys === undefined) throw new InvalidOptionError(name, options, 'an object');
  for (const key of keys) if (!(known as readonly string[]).includes(key)) throw new UnknownOptionError(key, known);
  for (const key of known) {
    const value = readable(key, () => options[key]);
    if (value !== undefined) copy[key] = value;
  }
  // A signal in place of `{ signal }`, a worker, a port: what they are would be ignored.
  if (Object.keys(copy).length === 0 && !readable(name, () => isPlain(options))) {
    throw new InvalidOptionError(name, options, `an object with any of ${known.join(', ')}`);
  }
  return copy as T;
}

function keysOf(options: unknown): readonly string[] | undefined {
  return options === null || typeof options !== 'object' || Array.isArray(options) ? undefined : Object.keys(options);
}

/** An object literal, of any realm, or an object without a prototype. */
function isPlain(options: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(options);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** What `read` returns. What getters and traps of the user's throw there becomes the cause of an error with a code. */
export function readable<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new InvalidOptionError(name, error, 'something that can be read', { cause: error });
  }
}

/** What `read` returns, or what it throws, to be thrown later. */
export function attempted<T>(read: () => T): { readonly value?: T; readonly error?: unknown } {
  try {
    return { value: read() };
  } catch (error) {
    return { error };
  }
}

/** An integer from `min` to `max`, or `fallback` when undefined. */
export function integerOption(name: string, value: unknown, fallback: number, min: number, max: number): number {
  if (value === undefined) return fallback;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw new InvalidOptionError(name, value, `an integer from ${min} to ${max}`);
  }
  return value;
}

/** The longest time that a timer takes: with more, it would be over at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** A whole number of ms from `min` to 2^31 - 1, or `Infinity`: never; or `fallback` when undefined. */
export function timeoutOption(name: string, value: unknown, fallback: number, min: number): number {
  if (value === undefined) return fallback;
  if (value === Number.POSITIVE_INFINITY) return value;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > MAX_TIMEOUT_MS) {
    throw new InvalidOptionError(name, value, `an integer from ${min} to ${MAX_TIMEOUT_MS}, or Infinity`);
  }
  return value;
}

/** One of a closed set of words, or the first when undefined. */
export function choiceOption<T extends string>(name: string, value: unknown, choices: readonly [T, ...T[]]): T {
  if (value === undefined) return choices[0];
  if (!choices.includes(value as T)) {
    throw new InvalidOptionError(name, value, choices.map((choice) => `'${choice}'`).join(' or '));
  }
  return value as T;
}

/** A boolean, or false when undefined. */
export function flagOption(name: string, value: unknown): boolean {
  if (value === undefined) return false;
  if (typeof value !== 'boolean') throw new InvalidOptionError(name, value, 'a boolean');
  return value;
}

/** A function, or undefined. */
export function functionOption<T extends (...args: never[]) => unknown>(
  name: string,
  value: T | undefined,
): T | undefined {
  if (value !== undefined) checkFunction(name, value);
  return value;
}

/** Checks that `value` is a function that does something when it is called: a generator function only makes a generator, a class throws. */
export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') throw new InvalidOptionError(name, value, 'a function');
  if (isClass(value))
    throw new InvalidOptionError(name, value, 'a function, not a class: nobody makes an instance of it');
  if (makesGenerator(value)) {
    throw new InvalidOptionError(
      name,
      value,
      "a function or an async function, without '*': nobody runs the generator",
    );
  }
}

/** A signal, or undefined. */
export function signalOption(value: unknown): AbortSignal | undefined {
  if (value === undefined) return undefined;
  if (readable('signal', () => isSignal(value))) return value as AbortSignal;
  throw new InvalidOptionError('signal', value, 'an AbortSignal');
}

/** An AbortSignal, of any realm. */
function isSignal(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { aborted, addEventListener } = value as Partial<AbortSignal>;
  return typeof aborted === 'boolean' && typeof addEventListener === 'function';
}

/** The text of a URL, of any realm and of jsdom; undefined for anything else. */
export function hrefOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || Object.prototype.toString.call(value) !== '[object URL]') return undefined;
  const { href } = value as { readonly href?: unknown };
  return typeof href === 'string' ? href : undefined;
}

/** A module as a URL string: a URL object, or a string that is an absolute URL. */
export function moduleUrl(option: string, value: URL | string): string {
  const href = hrefOf(value);
  if (href !== undefined) return href;
  if (typeof value === 'string' && URL.canParse(value)) return value;
  throw new InvalidOptionError(option, value, "a module URL, such as new URL('./module.js', import.meta.url)");
}

/** Whether a function is a class as it is written, which cannot be called. */
export function isClass(fn: unknown): boolean {
  return typeof fn === 'function' && /^class\b/.test(Function.prototype.toString.call(fn));
}

/** Whether a function only makes a generator when it is called, and runs nothing. */
export function makesGenerator(fn: unknown): boolean {
  try {
    return typeof fn === 'function' && /GeneratorFunction\]$/.test(Object.prototype.toString.call(fn));
  } catch {
    // A proxy that does not tell.
    return false;
  }
}
