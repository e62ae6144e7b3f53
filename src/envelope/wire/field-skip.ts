/** Fields that nobody asks for: where they end. */
import { cursor, MAX_DEPTH, need, overlong, readEnd, readTag, tooDeep, truncated, WireError } from './wire-reader.js';

/** Skips the value of a field this version does not know. `tag` was read before `position`. */
export function skipField(source: Buffer, position: number, end: number, tag: number, depth: number): number {
  if (depth > MAX_DEPTH) tooDeep(position);
  if (tag < 8) throw new WireError('a field has the number 0', position);
  switch (tag & 7) {
    case 0: {
      let at = position;
      do {
        if (at >= end) truncated(at);
        if (at >= position + 10) overlong(position);
      } while (source[at++]! > 127);
      return at;
    }
    case 1:
      need(position, end, 8);
      return position + 8;
    case 2:
      return readEnd(source, position, end);
    case 3:
      return skipGroup(source, position, end, tag, depth);
    case 5:
      need(position, end, 4);
      return position + 4;
    default:
      throw new WireError(`wire type ${tag & 7} does not exist here`, position);
  }
}

/** Where the end tag of the group that was skipped last starts. */
let lastTagStart = 0;

function skipGroup(source: Buffer, position: number, end: number, tag: number, depth: number): number {
  let at = position;
  for (;;) {
    const start = at;
    const inner = readTag(source, at, end);
    at = cursor.position;
    if (inner < 8) throw new WireError('a field has the number 0', at);
    if ((inner & 7) === 4) {
      if (inner >>> 3 !== tag >>> 3) throw new WireError('a group ends with the wrong number', at);
      lastTagStart = start;
      return at;
    }
    at = skipField(source, at, end, inner, depth + 1);
  }
}

/** Finds the end of a group's content, and leaves the cursor behind its end tag. `tag` was read before `position`. */
export function groupEnd(source: Buffer, position: number, end: number, tag: number, depth: number): number {
  if (depth > MAX_DEPTH) tooDeep(position);
  const after = skipGroup(source, position, end, tag, depth);
  cursor.position = after;
  return lastTagStart;
}
