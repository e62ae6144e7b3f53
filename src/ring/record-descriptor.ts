/**
 * One record in the ring. 32-bit words in native byte order (a record never leaves the process), aligned to 32 bytes,
 * never straddling the end of the ring.
 *
 *   byte 0          4     5      6          8          12          16            20           22       24      28      32
 *        +----------+-----+------+----------+----------+-----------+-------------+------------+--------+-------+-------+------+
 *        |  length  | kind| flags| producer | topic id | seq. low  | seq. high   | payload at | type id| sec.  | nanos | body |
 *        +----------+-----+------+----------+----------+-----------+-------------+------------+--------+-------+-------+------+
 *
 * length      header, extension and body in bytes, before alignment. The next record starts at the next multiple of 32.
 * kind        EVENT_RECORD, or PADDING_RECORD: filler up to the end of the ring, without topic, sequence or body. In an uplink
 *             also CONTROL_RECORD: its body is a request of the connected thread (`src/connect/control-request.ts`), or a part
 *             of one; topic id is then 1 where more of the request follows, and 0 where it ends.
 * flags       EXTENDED: an extension lies between header and body. The others are 0, kept for later kinds of event.
 * producer    0 is the thread that owns the ring; 1 to 255 are connections, as `stats().connections` numbers them. 0 also where
 *             a connection has no number: what one had accepted that is refused.
 * topic id    index in the topic registry; 0: read the topic from the envelope.
 * sequence    records since the bus began, 53 bits; padding takes none.
 * payload at  offset of the payload from the start of the record; it ends where the record ends. 0: read the envelope.
 * type id     index in the type registry; 0: read the type URL from the envelope.
 * sec., nanos time of the event since the Unix epoch, seconds modulo 2^32 (until 2106; the envelope has all of it).
 * body        the canonical protobuf Envelope, byte for byte.
 *
 * The extension has what belongs to an event and not to its envelope. Only records that need it have one:
 *
 *   byte 0           4          8                                             24                     32
 *        +-----------+----------+----------+----------+----------+------------+----------+-----------+
 *        | origin id | trace    | trace id, most significant word first       | parent id, the same  |
 *        +-----------+----------+----------+----------+----------+------------+----------+-----------+
 *
 * origin id   index in the registry of origins, where the event came into this process; 0: nowhere, it began here.
 * trace       the flags of a W3C traceparent of version 00 in the low byte, and TRACED; 0: there is none.
 * trace id, parent id  of the traceparent; a word for eight hexadecimal digits.
 *
 * Nothing here is shared control: the bytes of a record are plain, and TAIL orders them.
 */
export const UNIT_BYTES = 32;
export const UNIT_SHIFT = 5;
const WORD_BYTES = Int32Array.BYTES_PER_ELEMENT;
export const UNIT_WORDS = UNIT_BYTES / WORD_BYTES;

/** Offsets in words from the start of the record. */
export const LENGTH_WORD = 0;
export const KIND_WORD = LENGTH_WORD + 1;
export const TOPIC_WORD = KIND_WORD + 1;
export const SEQUENCE_LOW_WORD = TOPIC_WORD + 1;
export const SEQUENCE_HIGH_WORD = SEQUENCE_LOW_WORD + 1;
export const PAYLOAD_WORD = SEQUENCE_HIGH_WORD + 1;
export const SECONDS_WORD = PAYLOAD_WORD + 1;
export const NANOS_WORD = SECONDS_WORD + 1;
export const HEADER_BYTES = (NANOS_WORD + 1) * WORD_BYTES;

/** The low byte of the kind word. */
export const KIND_MASK = 0xff;
export const EVENT_RECORD = 1;
export const PADDING_RECORD = 2;
export const CONTROL_RECORD = 3;
/** In the kind word: flags in the second byte, the producer above them. */
export const EXTENDED = 1 << 8;
export const EXTENDED_EVENT_RECORD = EVENT_RECORD | EXTENDED;

/** Where the extension begins, in words from the start of the record; the offsets below are added to it. */
export const EXTENSION_START_WORD = HEADER_BYTES / WORD_BYTES;
export const ORIGIN_WORD = 0;
export const TRACE_WORD = ORIGIN_WORD + 1;
export const TRACE_ID_WORD = TRACE_WORD + 1;
export const TRACE_ID_WORDS = 4;
export const PARENT_ID_WORD = TRACE_ID_WORD + TRACE_ID_WORDS;
export const PARENT_ID_WORDS = 2;
export const EXTENSION_WORDS = PARENT_ID_WORD + PARENT_ID_WORDS;
export const EXTENSION_BYTES = EXTENSION_WORDS * WORD_BYTES;
/** The body of an extended record starts here. */
export const EXTENDED_HEADER_BYTES = HEADER_BYTES + EXTENSION_BYTES;

/** The trace word: the flags of the traceparent, and a bit that says that there is one. */
export const TRACE_FLAGS_MASK = 0xff;
export const TRACED = 1 << 8;
/** The kind word without its producer. */
export const PRODUCER_MASK = 0xffff;
export const PRODUCER_SHIFT = 16;
export const MAX_PRODUCER = 0xff;

/** The payload word: offset in the low 16 bits, type id in the high 16. */
export const PAYLOAD_OFFSET_MASK = 0xffff;
export const TYPE_ID_SHIFT = 16;
export const MAX_TYPE_ID = 0xffff;

/** Units that a record of `length` bytes takes in the ring. */
export function unitsOf(length: number): number {
  // Unsigned: the sum passes 2^31 for a corrupt length, and a negative size would send a reader backwards.
  return (length + UNIT_BYTES - 1) >>> UNIT_SHIFT;
}

/** Where the body of a record starts, from its start, by the record's kind word. */
export function bodyOffset(kindWord: number): number {
  return (kindWord & EXTENDED) === 0 ? HEADER_BYTES : EXTENDED_HEADER_BYTES;
}
