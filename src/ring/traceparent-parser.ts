/**
 * From the text of a trace to the words of an extension. Written for speed, as it is on the way of every publish with a new
 * trace: one call into native code is less than half the cost of 55 of `charCodeAt`, then two digits at a time are looked up.
 */
import { utf8Write } from '../memory/utf8-write.js';
import { TRACE_FLAGS_MASK, TRACED } from './record-descriptor.js';
import { ExtensionWords } from './record-extension.js';
import { CHARACTERS, FLAGS_AT, PARENT_ID_AT, TRACE_ID_AT } from './traceparent.js';

const DIGITS = '0123456789abcdef';
const ZERO = 0x30;
const DASH = 0x2d;

/** Set in what {@link pairs} has for two digits; their value is in the low byte. */
const KNOWN = 1 << 8;
/** Where KNOWN comes to lie in a word of four pairs; that of the first pair falls off. */
const KNOWN_IN_WORD = (KNOWN << 16) | (KNOWN << 8) | KNOWN;

/** By two bytes as a little-endian number: 128 KiB, made for the first trace. 0: not two digits. */
let pairs: Uint16Array | undefined;

function makePairs(): Uint16Array {
  const made = new Uint16Array(1 << 16);
  for (let value = 0; value < KNOWN; value++) {
    const first = DIGITS.charCodeAt(value >> 4);
    const second = DIGITS.charCodeAt(value & 0xf);
    made[first | (second << 8)] = value | KNOWN;
  }
  return made;
}

/** With room for three bytes for each character, simdutf need not look where it is full, and takes all of them at once. */
const ROOM_BYTES = 3 * CHARACTERS;

// Of the text that is being parsed. Used within one call only.
const text = Buffer.allocUnsafeSlow(ROOM_BYTES);
const view = new DataView(text.buffer);

/**
 * Makes an extension with that trace and no origin yet. Written out: words that go through an array on their way, in two loops,
 * cost a sixth more.
 *
 * @returns undefined where that is no traceparent: `traceparentFault` says why
 */
export function parseTraceparent(traceparent: string): ExtensionWords | undefined {
  if (traceparent.length !== CHARACTERS) return undefined;
  // As many bytes as characters: all of them are ASCII.
  if (utf8Write.call(text, traceparent, 0, ROOM_BYTES) !== CHARACTERS) return undefined;
  pairs ??= makePairs();
  const t0 = pairs[view.getUint16(TRACE_ID_AT, true)]!;
  const t1 = pairs[view.getUint16(TRACE_ID_AT + 2, true)]!;
  const t2 = pairs[view.getUint16(TRACE_ID_AT + 4, true)]!;
  const t3 = pairs[view.getUint16(TRACE_ID_AT + 6, true)]!;
  const t4 = pairs[view.getUint16(TRACE_ID_AT + 8, true)]!;
  const t5 = pairs[view.getUint16(TRACE_ID_AT + 10, true)]!;
  const t6 = pairs[view.getUint16(TRACE_ID_AT + 12, true)]!;
  const t7 = pairs[view.getUint16(TRACE_ID_AT + 14, true)]!;
  const t8 = pairs[view.getUint16(TRACE_ID_AT + 16, true)]!;
  const t9 = pairs[view.getUint16(TRACE_ID_AT + 18, true)]!;
  const t10 = pairs[view.getUint16(TRACE_ID_AT + 20, true)]!;
  const t11 = pairs[view.getUint16(TRACE_ID_AT + 22, true)]!;
  const t12 = pairs[view.getUint16(TRACE_ID_AT + 24, true)]!;
  const t13 = pairs[view.getUint16(TRACE_ID_AT + 26, true)]!;
  const t14 = pairs[view.getUint16(TRACE_ID_AT + 28, true)]!;
  const t15 = pairs[view.getUint16(TRACE_ID_AT + 30, true)]!;
  const p0 = pairs[view.getUint16(PARENT_ID_AT, true)]!;
  const p1 = pairs[view.getUint16(PARENT_ID_AT + 2, true)]!;
  const p2 = pairs[view.getUint16(PARENT_ID_AT + 4, true)]!;
  const p3 = pairs[view.getUint16(PARENT_ID_AT + 6, true)]!;
  const p4 = pairs[view.getUint16(PARENT_ID_AT + 8, true)]!;
  const p5 = pairs[view.getUint16(PARENT_ID_AT + 10, true)]!;
  const p6 = pairs[view.getUint16(PARENT_ID_AT + 12, true)]!;
  const p7 = pairs[view.getUint16(PARENT_ID_AT + 14, true)]!;
  const flags = pairs[view.getUint16(FLAGS_AT, true)]!;
  const inTraceId = t0 & t1 & t2 & t3 & t4 & t5 & t6 & t7 & t8 & t9 & t10 & t11 & t12 & t13 & t14 & t15;
  const inParentId = p0 & p1 & p2 & p3 & p4 & p5 & p6 & p7;
  if ((inTraceId & inParentId & flags & KNOWN) === 0) return undefined;
  const wrong =
    (text[0]! ^ ZERO) |
    (text[1]! ^ ZERO) |
    (text[TRACE_ID_AT - 1]! ^ DASH) |
    (text[PARENT_ID_AT - 1]! ^ DASH) |
    (text[FLAGS_AT - 1]! ^ DASH);
  if (wrong !== 0) return undefined;
  const traceId0 = wordOf(t0, t1, t2, t3);
  const traceId1 = wordOf(t4, t5, t6, t7);
  const traceId2 = wordOf(t8, t9, t10, t11);
  const traceId3 = wordOf(t12, t13, t14, t15);
  const parentId0 = wordOf(p0, p1, p2, p3);
  const parentId1 = wordOf(p4, p5, p6, p7);
  if ((traceId0 | traceId1 | traceId2 | traceId3) === 0 || (parentId0 | parentId1) === 0) return undefined;
  const trace = (flags & TRACE_FLAGS_MASK) | TRACED;
  return new ExtensionWords(trace, traceId0, traceId1, traceId2, traceId3, parentId0, parentId1);
}

function wordOf(first: number, second: number, third: number, fourth: number): number {
  return (first << 24) ^ (second << 16) ^ (third << 8) ^ fourth ^ KNOWN_IN_WORD;
}
