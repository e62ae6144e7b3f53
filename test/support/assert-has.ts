/** Compares those properties that a test is about. */
import assert from 'node:assert/strict';

/** `actual` has the properties of `expected`, whatever else it has; in arrays and nested objects, too. */
export function assertHas(actual: unknown, expected: unknown): void {
  assert.deepEqual(pick(actual, expected), expected);
}

function pick(actual: unknown, like: unknown): unknown {
  if (typeof like !== 'object' || like === null || typeof actual !== 'object' || actual === null) return actual;
  if (Array.isArray(like)) return (actual as unknown[]).map((value, index) => pick(value, like[index]));
  return Object.fromEntries(
    Object.entries(like).map(([key, value]) => [key, pick((actual as Record<string, unknown>)[key], value)]),
  );
}
