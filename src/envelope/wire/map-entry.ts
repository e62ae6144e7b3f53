/** The entries of map fields. */
import { skipField } from './field-skip.js';
import { decodeRecurring, readKey } from './recurring-text.js';
import { isShort, readString, shortText } from './text-reader.js';
import { cursor, readTag } from './wire-reader.js';

const KEY_TAG = 10;
const VALUE_TAG = 18;

/** Puts an entry into a decoded map; a key such as `__proto__` stays a key. */
export function setEntry<T>(map: Record<string, T>, key: string, value: T): void {
  if (key === '__proto__') {
    Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    map[key] = value;
  }
}

/** Reads an entry of a map from strings to strings, of which most maps are: labels. */
export function readTextEntry(
  source: Buffer,
  start: number,
  end: number,
  depth: number,
  map: Record<string, string>,
): void {
  // As everybody writes it: tag, length and key, tag, length and value. A size beyond 127 makes no sense of what follows.
  if (start + 4 <= end && source[start] === KEY_TAG) {
    const keyStart = start + 2;
    const keyEnd = keyStart + source[start + 1]!;
    const valueStart = keyEnd + 2;
    if (valueStart <= end && source[keyEnd] === VALUE_TAG && valueStart + source[keyEnd + 1]! === end) {
      if (source[start + 1]! < 128 && isShort(end - valueStart)) {
        setEntry(map, decodeRecurring(source, keyStart, keyEnd), shortText(source, valueStart, end));
        return;
      }
    }
  }
  readAnyEntry(source, start, end, depth, map);
}

function readAnyEntry(source: Buffer, start: number, end: number, depth: number, map: Record<string, string>): void {
  let key = '';
  let value = '';
  let p = start;
  while (p < end) {
    const tag = readTag(source, p, end);
    p = cursor.position;
    if (tag === KEY_TAG) key = readKey(source, p, end);
    else if (tag === VALUE_TAG) value = readString(source, p, end);
    else cursor.position = skipField(source, p, end, tag, depth);
    p = cursor.position;
  }
  setEntry(map, key, value);
}
