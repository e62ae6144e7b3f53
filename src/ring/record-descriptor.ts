/**
 * One record in the ring. 32-bit words in native byte order (a record never leaves the process), aligned to 32 bytes,
 * never straddling the end of the ring.
 *
 *   byte 0          4     5      6          8          12          16            20           22       24      28      32
 *        +----------+-----+------+----------+----------+-----------+-------------+------------+--------+-------+-------+------+
 *        |  length  | kind| flags| producer | topic id | seq. low  | seq. high   | payload at | type id| sec.  | nanos | body |
 *        +----------+-----+------+----------+----------+-----------+-------------+------------+--------+-------+-------+------+
 *
 * length      header and body in bytes, before alignment. The next record starts at the next multiple of 32.
 * kind        EVENT_RECORD, or PADDING_RECORD: filler up to the end of the ring, without topic, sequence or body.
 * flags       0; kept for later kinds of event.
 * producer    0 is the thread that owns the ring; others are kept for publishing threads.
 * topic id    index in the topic registry; 0: read the topic from the envelope.
 * sequence    records since the bus began, 53 bits; padding takes none.
 * payload at  offset of the payload from the start of the record; it ends where the record ends. 0: read the envelope.
 * type id     index in the type registry; 0: read the type URL from the envelope.
 * sec., nanos time of the event since the Unix epoch, seconds modulo 2^32 (until 2106; the envelope has all of it).
 * body        the canonical protobuf Envelope, byte for byte.
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

/** The payload word: offset in the low 16 bits, type id in the high 16. */
export const PAYLOAD_OFFSET_MASK = 0xffff;
export const TYPE_ID_SHIFT = 16;
export const MAX_TYPE_ID = 0xffff;

/** Units that a record of `length` bytes takes in the ring. */
export function unitsOf(length: number): number {
  // Unsigned: the sum passes 2^31 for a corrupt length, and a negative size would send a reader backwards.
  return (length + UNIT_BYTES - 1) >>> UNIT_SHIFT;
}
