/** Whether an event is as a test expects it, and what to say when none is. */
import { inspect, isDeepStrictEqual } from 'node:util';
import type { Envelope } from '../index.js';

/** An event, or the properties that it must have, or a function that returns whether it is the one. */
export type Expected = ((event: any) => unknown) | object | string | number | bigint | boolean | null | undefined;

/**
 * Whether `actual` has what `expected` has: objects by the properties that `expected` names, everything else by deep
 * equality. A function decides by what it returns.
 */
export function matches(actual: unknown, expected: unknown): boolean {
  if (typeof expected === 'function') return Boolean((expected as (value: unknown) => unknown)(actual));
  if (!isRecord(expected)) return isDeepStrictEqual(actual, expected);
  if (typeof actual !== 'object' || actual === null) return false;
  return Object.entries(expected).every(([key, value]) => matches((actual as Record<string, unknown>)[key], value));
}

/** An object whose properties are what it is: a plain one, or an instance of an event class. */
function isRecord(value: unknown): value is Record<string, unknown> {
  return Object.prototype.toString.call(value) === '[object Object]';
}

/** What was published, one line an event, for the message of a failed assertion. */
export function listOf(envelopes: readonly Envelope[]): string {
  if (envelopes.length === 0) return 'Nothing was published.';
  const lines = envelopes.map(({ topic, event }) => `  ${topic} ${show(event)}`);
  return `Published, in this order:\n${lines.join('\n')}`;
}

export function show(value: unknown): string {
  return typeof value === 'function'
    ? value.toString()
    : inspect(value, { depth: 4, breakLength: Number.POSITIVE_INFINITY });
}
