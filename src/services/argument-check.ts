/** Arguments of the services, checked before anything is changed. */
import { constants } from 'node:os';
import { types } from 'node:util';
import { InvalidArgumentError } from './service-errors.js';

/** A limit, or undefined for the default. NaN would be none at all. */
export function checkLimit(argument: string, value: unknown): void {
  if (value === undefined || value === Number.POSITIVE_INFINITY) return;
  checkCount(argument, value, 0);
}

/** A whole number from `least` up, or undefined for the default. */
export function checkCount(argument: string, value: unknown, least: number): void {
  if (value === undefined || (Number.isSafeInteger(value) && (value as number) >= least)) return;
  throw new InvalidArgumentError(argument, value, `a whole number from ${least}`);
}

/** A copy of a list of strings that a program can be started with: each is read once. */
export function stringsOf(argument: string, value: unknown, expected: string): string[] {
  const copy: unknown[] | undefined = Array.isArray(value) ? [...value] : undefined;
  if (copy?.every(isPlainText)) return copy as string[];
  throw new InvalidArgumentError(argument, value, expected);
}

/** Strings that a program can be started with, or undefined for the default. */
export function checkStrings(argument: string, value: unknown, expected: string): void {
  if (value !== undefined) stringsOf(argument, value, expected);
}

/** A string that a program can be started with, or undefined for the default. */
export function checkText(argument: string, value: unknown, expected: string): void {
  if (value !== undefined && !isPlainText(value)) throw new InvalidArgumentError(argument, value, expected);
}

function isPlainText(value: unknown): boolean {
  return typeof value === 'string' && !value.includes('\0');
}

/** Bytes: text would have to be encoded first, and nobody has said how. */
export function checkBytes(argument: string, value: unknown): asserts value is Uint8Array {
  if (types.isUint8Array(value)) return;
  throw new InvalidArgumentError(argument, value, 'bytes (a Uint8Array), as of a stream without an encoding');
}

/** What gives bytes piece by piece. What the pieces are shows when they come. */
export function checkSource(argument: string, value: unknown): void {
  const isStream =
    typeof value === 'object' && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value);
  if (!isStream) throw new InvalidArgumentError(argument, value, 'a stream of bytes, such as createReadStream(path)');
}

/** A signal, or undefined for none. */
export function checkAbortSignal(value: unknown): void {
  if (value === undefined || typeof (value as Partial<AbortSignal> | null)?.throwIfAborted === 'function') return;
  throw new InvalidArgumentError('signal', value, 'an AbortSignal');
}

/** The name of a signal that a process can be sent. */
export function checkSignalName(value: unknown): void {
  if (typeof value === 'string' && Object.hasOwn(constants.signals, value)) return;
  throw new InvalidArgumentError('signal', value, "the name of a signal, such as 'SIGTERM'");
}
