/** What the two JSON forms of events share: values that JSON has no form for. */

import { types } from 'node:util';
import { rfc3339 } from './time-text.js';

/** The shortest decimal that is this 32-bit float; its 64-bit form has noise after the seventh digit. */
export function shortest(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    // Zero has a sign.
    if (Object.is(Math.fround(rounded), value)) return rounded;
  }
  return value;
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

/** An object with these entries. For Go's form a Map: sorted by the bytes of the keys, also of those that look like numbers. */
export function record(entries: [string, unknown][], go: boolean): unknown {
  if (!go) return Object.fromEntries(entries);
  return new Map(entries.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
}

/** A value without a schema: what JSON lacks becomes the nearest it has. */
export function looseJson(value: unknown, go: boolean): unknown {
  if (typeof value === 'bigint') return go ? value : String(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (typeof value !== 'object' || value === null) return value;
  const convert = (one: unknown) => looseJson(one, go);
  if (types.isDate(value)) return dateJson(value);
  if (types.isUint8Array(value)) return base64(value);
  if (types.isRegExp(value)) return String(value);
  if (types.isNativeError(value)) return { name: value.name, message: value.message };
  if (Array.isArray(value) || types.isSet(value)) return Array.from(value, convert);
  const entries = types.isMap(value) ? [...value] : Object.entries(value);
  return record(
    entries.map(([key, one]) => [keyText(key), convert(one)]),
    go,
  );
}

/** A date that is none, which may be published too, is null as in JSON.stringify. */
function dateJson(date: Date): string | null {
  const ms = date.getTime();
  return Number.isNaN(ms) ? null : rfc3339(BigInt(ms) * 1_000_000n);
}

/** The key of a Map as the name of a property. Objects may have no text, or one of their own. */
function keyText(key: unknown): string {
  return typeof key === 'object' && key !== null ? JSON.stringify(looseJson(key, false)) : String(key);
}
