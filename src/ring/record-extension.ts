/**
 * The extension of a record: where its event came in, and the trace that it belongs to. Laid out in `record-descriptor.ts`.
 *
 * A traceparent is that of W3C Trace Context, version 00: `00-<32 digits>-<16 digits>-<2 digits>`, hexadecimal in lower case,
 * neither id all zeros (https://www.w3.org/TR/trace-context/#traceparent-header).
 */
import * as record from './record-descriptor.js';

/** The words of an extension, as they lie in the record. Nobody changes them once they are made. */
export type RecordExtension = Readonly<Int32Array>;

const TRACEPARENT_CHARACTERS = 55;
const TRACE_ID_AT = 3;
const PARENT_ID_AT = 36;
const FLAGS_AT = 53;
const WORD_DIGITS = 8;
const DIGIT_BITS = 4;
const DASH = 0x2d;
const ZERO = 0x30;
const ASCII = 0x7f;
/** Of hexadecimal digits in lower case, by character code; of the rest of ASCII -1. */
const DIGITS = new Int8Array(ASCII + 1).fill(-1);
for (let digit = 0; digit < 16; digit++) DIGITS[digit.toString(16).charCodeAt(0)] = digit;

/** What is wrong with a traceparent; undefined: nothing. */
export function traceparentFault(text: string): string | undefined {
  if (text.length !== TRACEPARENT_CHARACTERS) return `has ${text.length} characters, not ${TRACEPARENT_CHARACTERS}`;
  if (!text.startsWith('00-')) return 'is not of version 00';
  if (!/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(text)) {
    return 'is not 00-, 32, 16 and 2 hexadecimal digits in lower case, joined by -';
  }
  if (/^0+$/.test(text.slice(TRACE_ID_AT, PARENT_ID_AT - 1))) return 'has a trace id of zeros';
  if (/^0+$/.test(text.slice(PARENT_ID_AT, FLAGS_AT - 1))) return 'has a parent id of zeros';
  return undefined;
}

/** What came as a traceparent from outside, if it is one: an event is worth more than its trace. */
export function traceparentOrNone(text: string): string | undefined {
  return traceparentFault(text) === undefined ? text : undefined;
}

/**
 * Makes an extension with that trace and no origin yet. Written out for speed: it is on the way of every traced publish.
 *
 * @param traceparent undefined: none
 * @returns undefined where that is no traceparent: {@link traceparentFault} says why
 */
export function makeExtension(traceparent: string | undefined): Int32Array | undefined {
  const words = new Int32Array(record.EXTENSION_WORDS);
  if (traceparent === undefined) return words;
  if (traceparent.length !== TRACEPARENT_CHARACTERS) return undefined;
  let seen = traceparent.charCodeAt(FLAGS_AT) | traceparent.charCodeAt(FLAGS_AT + 1);
  const flags =
    (DIGITS[traceparent.charCodeAt(FLAGS_AT) & ASCII]! << DIGIT_BITS) |
    DIGITS[traceparent.charCodeAt(FLAGS_AT + 1) & ASCII]!;
  // Sticky: of a character that is no digit, or no ASCII, something stays that no digit has.
  let worst = flags;
  let from = TRACE_ID_AT;
  for (let i = 0; i < record.TRACE_ID_WORDS + record.PARENT_ID_WORDS; i++) {
    if (i === record.TRACE_ID_WORDS) from = PARENT_ID_AT;
    let word = 0;
    for (const end = from + WORD_DIGITS; from < end; from++) {
      const code = traceparent.charCodeAt(from);
      const digit = DIGITS[code & ASCII]!;
      seen |= code;
      worst |= digit;
      word = (word << DIGIT_BITS) | digit;
    }
    words[record.TRACE_ID_WORD + i] = word;
  }
  if (worst < 0 || seen > ASCII || !isFramed(traceparent) || !hasIds(words)) return undefined;
  words[record.TRACE_WORD] = flags | record.TRACED;
  return words;
}

function isFramed(text: string): boolean {
  return (
    text.charCodeAt(0) === ZERO &&
    text.charCodeAt(1) === ZERO &&
    text.charCodeAt(TRACE_ID_AT - 1) === DASH &&
    text.charCodeAt(PARENT_ID_AT - 1) === DASH &&
    text.charCodeAt(FLAGS_AT - 1) === DASH
  );
}

/** Neither is all zeros. */
function hasIds(words: Int32Array): boolean {
  const { TRACE_ID_WORD: trace, PARENT_ID_WORD: parent } = record;
  return (
    (words[trace]! | words[trace + 1]! | words[trace + 2]! | words[trace + 3]!) !== 0 &&
    (words[parent]! | words[parent + 1]!) !== 0
  );
}

/** The same trace, for another event that begins here; undefined where there is none. */
export function traceOf(extension: RecordExtension | undefined): RecordExtension | undefined {
  if (extension === undefined || (extension[record.TRACE_WORD]! & record.TRACED) === 0) return undefined;
  const words = Int32Array.from(extension);
  words[record.ORIGIN_WORD] = 0;
  return words;
}

/** A copy of the extension of the record that starts at `words[at]`; undefined where it has none. */
export function extensionAt(words: Int32Array, at: number): RecordExtension | undefined {
  if ((words[at + record.KIND_WORD]! & record.EXTENDED) === 0) return undefined;
  const start = at + record.EXTENSION_START_WORD;
  return words.slice(start, start + record.EXTENSION_WORDS);
}

/** The id of the origin that an extension names; 0 where there is neither. */
export function originOf(extension: RecordExtension | undefined): number {
  return extension === undefined ? 0 : extension[record.ORIGIN_WORD]!;
}

/** The traceparent of the extension that starts at `words[at]`; undefined where it has none. */
export function traceparentAt(words: Readonly<Int32Array>, at: number): string | undefined {
  const trace = words[at + record.TRACE_WORD]!;
  if ((trace & record.TRACED) === 0) return undefined;
  const traceId = digitsAt(words, at + record.TRACE_ID_WORD, record.TRACE_ID_WORDS);
  const parentId = digitsAt(words, at + record.PARENT_ID_WORD, record.PARENT_ID_WORDS);
  return `00-${traceId}-${parentId}-${hex(trace & record.TRACE_FLAGS_MASK, 2)}`;
}

function digitsAt(words: Readonly<Int32Array>, at: number, count: number): string {
  let digits = '';
  for (let i = 0; i < count; i++) digits += hex(words[at + i]! >>> 0, WORD_DIGITS);
  return digits;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
