/**
 * The text of a trace: what is wrong with one, and the text for the words in the extension of a record. The way back is in
 * `traceparent-parser.ts`.
 *
 * A traceparent is that of W3C Trace Context, version 00: `00-<32 digits>-<16 digits>-<2 digits>`, hexadecimal in lower case,
 * neither id all zeros (https://www.w3.org/TR/trace-context/#traceparent-header).
 */
import * as record from './record-descriptor.js';

export const CHARACTERS = 55;
/** Where its parts begin. */
export const TRACE_ID_AT = 3;
export const PARENT_ID_AT = 36;
export const FLAGS_AT = 53;
/** Hexadecimal digits for a word of an id. */
const WORD_DIGITS = 8;

/** What is wrong with a traceparent; undefined: nothing. */
export function traceparentFault(given: string): string | undefined {
  if (given.length !== CHARACTERS) return `has ${given.length} characters, not ${CHARACTERS}`;
  if (!given.startsWith('00-')) return 'is not of version 00';
  if (!/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(given)) {
    return 'is not 00-, 32, 16 and 2 hexadecimal digits in lower case, joined by -';
  }
  if (/^0+$/.test(given.slice(TRACE_ID_AT, PARENT_ID_AT - 1))) return 'has a trace id of zeros';
  if (/^0+$/.test(given.slice(PARENT_ID_AT, FLAGS_AT - 1))) return 'has a parent id of zeros';
  return undefined;
}

/** What came as a traceparent from outside, if it is one: an event is worth more than its trace. */
export function traceparentOrNone(given: string): string | undefined {
  return traceparentFault(given) === undefined ? given : undefined;
}

/** The traceparent of the extension that starts at `from[at]`; undefined where it has none. */
export function traceparentAt(from: Readonly<Int32Array>, at: number): string | undefined {
  const trace = from[at + record.TRACE_WORD]!;
  if ((trace & record.TRACED) === 0) return undefined;
  const traceId = digitsAt(from, at + record.TRACE_ID_WORD, record.TRACE_ID_WORDS);
  const parentId = digitsAt(from, at + record.PARENT_ID_WORD, record.PARENT_ID_WORDS);
  return `00-${traceId}-${parentId}-${hex(trace & record.TRACE_FLAGS_MASK, 2)}`;
}

function digitsAt(from: Readonly<Int32Array>, at: number, count: number): string {
  let digits = '';
  for (let i = 0; i < count; i++) digits += hex(from[at + i]! >>> 0, WORD_DIGITS);
  return digits;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
