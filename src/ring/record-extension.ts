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
 * Makes an extension.
 *
 * @param originId 0: the event began here
 * @param traceparent valid; undefined: none
 */
export function makeExtension(originId: number, traceparent: string | undefined): RecordExtension {
  const words = new Int32Array(record.EXTENSION_WORDS);
  words[record.ORIGIN_WORD] = originId;
  if (traceparent === undefined) return words;
  words[record.TRACE_WORD] = Number.parseInt(traceparent.slice(FLAGS_AT), 16) | record.TRACED;
  putDigits(words, record.TRACE_ID_WORD, record.TRACE_ID_WORDS, traceparent, TRACE_ID_AT);
  putDigits(words, record.PARENT_ID_WORD, record.PARENT_ID_WORDS, traceparent, PARENT_ID_AT);
  return words;
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

function putDigits(words: Int32Array, at: number, count: number, text: string, start: number): void {
  for (let i = 0; i < count; i++) {
    words[at + i] = Number.parseInt(text.slice(start + i * WORD_DIGITS, start + (i + 1) * WORD_DIGITS), 16);
  }
}

function digitsAt(words: Readonly<Int32Array>, at: number, count: number): string {
  let digits = '';
  for (let i = 0; i < count; i++) digits += hex(words[at + i]! >>> 0, WORD_DIGITS);
  return digits;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
