/**
 * The one writer of a ring: claims room, frames records, publishes TAIL.
 *
 * *Claiming.* `open` gives a window at the tail into which a record of unknown length can be encoded in place; it ends at
 * or before the gate limit, the announced INTENT and the end of the ring, so nothing unread can be touched. `claim`
 * makes room for a record of known length, padding over the end of the ring where it does not fit before it.
 *
 * *Committing.* The header is written last, then TAIL. An open window may be left alone; a claim must be committed.
 */
import { narrow } from '../memory/position.js';
import * as control from './control-descriptor.js';
import * as record from './record-descriptor.js';
import { putExtension, type RecordExtension } from './record-extension.js';
import { maxRecordBytes, offsetOf, type RingMemory } from './ring-memory.js';
import { WriterBounds } from './writer-bounds.js';

/** Ids that the thread which owns the ring has given to the topics, types and origins of some of the records of a run. */
export interface CopiedIds {
  readonly count: number;
  /** Which records of the run, in order. */
  readonly at: Int32Array;
  readonly topics: Int32Array;
  readonly types: Int32Array;
  readonly origins: Int32Array;
}

export class RingWriter extends WriterBounds {
  /** Byte range of the open window; a record's header goes to `windowStart`. */
  windowStart = 0;
  windowEnd = 0;
  readonly #words: Int32Array;

  /**
   * @param startPosition the position that the ring was allocated with
   * @param maxBytes of a record, header included; at most a quarter of the ring
   */
  constructor(
    memory: RingMemory,
    notify: (reader: number) => void,
    startPosition = 0,
    maxBytes = maxRecordBytes(memory.capacityBytes),
  ) {
    super(memory, notify, startPosition, maxBytes);
    this.#words = memory.words;
  }

  /**
   * Opens the window at the tail, at least `expectedBytes` long where the ring's end and the readers allow.
   *
   * Sets `windowStart` and `windowEnd`; the window is empty when the ring is full. Nothing is taken.
   */
  open(expectedBytes: number): void {
    const tail = this.position;
    const wanted = record.unitsOf(expectedBytes);
    if (this.announced - tail < wanted) this.raiseIntent(tail + wanted);
    const start = offsetOf(tail, this.memory.capacityBytes);
    this.windowStart = start;
    this.windowEnd = Math.min(start + (this.announced - tail) * record.UNIT_BYTES, this.memory.capacityBytes);
  }

  /**
   * Makes room for a record of `recordBytes`, header included, at most {@link maxRecordBytes}.
   *
   * @returns the byte offset to write it to, or -1 when readers still hold the room it needs
   */
  claim(recordBytes: number): number {
    const units = record.unitsOf(recordBytes);
    const toEnd = this.capacityUnits - this.#tailInRing();
    const needed = units <= toEnd ? units : toEnd + units;
    if (this.announced - this.position < needed) {
      this.raiseIntent(this.position + needed);
      if (this.announced - this.position < needed) return -1;
    }
    if (units > toEnd) this.#pad(toEnd);
    return offsetOf(this.position, this.memory.capacityBytes);
  }

  /**
   * Commits the record at the tail, whose body, and extension where it has one, were written behind the room for its header.
   *
   * @param kind EVENT_RECORD or EXTENDED_EVENT_RECORD
   * @param payloadOffset from the start of the record
   * @param wantedLow,wantedHigh the readers that want it, one bit each
   * @returns its sequence
   */
  commit(
    recordBytes: number,
    kind: number,
    topicId: number,
    payloadOffset: number,
    typeId: number,
    seconds: number,
    nanos: number,
    wantedLow: number,
    wantedHigh: number,
  ): number {
    const words = this.#words;
    const sequence = this.next++;
    const word = offsetOf(this.position, this.memory.capacityBytes) >> 2;
    words[word + record.LENGTH_WORD] = recordBytes;
    words[word + record.KIND_WORD] = kind;
    words[word + record.TOPIC_WORD] = topicId;
    words[word + record.SEQUENCE_LOW_WORD] = sequence | 0;
    words[word + record.SEQUENCE_HIGH_WORD] = sequence < 2 ** 32 ? 0 : Math.floor(sequence / 2 ** 32);
    words[word + record.PAYLOAD_WORD] = payloadOffset | (typeId << record.TYPE_ID_SHIFT);
    words[word + record.SECONDS_WORD] = seconds | 0;
    words[word + record.NANOS_WORD] = nanos;
    this.#advance(record.unitsOf(recordBytes), sequence);
    // Orders the record's plain bytes before the position that lets readers at them.
    this.cells.store(control.TAIL, narrow(this.position));
    this.waker.want(wantedLow, wantedHigh);
    return sequence;
  }

  /** Writes the extension of the record at byte `offset`, behind the room for its header. */
  extend(offset: number, extension: RecordExtension): void {
    putExtension(this.#words, offset >> 2, extension);
  }

  /**
   * Commits finished records that were copied to the tail, one behind another, as those of a producer. What the thread that
   * owns the ring alone can say is filled in; TAIL passes all of them at once.
   *
   * @param offset where the first one was copied to: `windowStart`, or what {@link claim} returned
   * @param ids of those records that do not have them already
   */
  commitCopied(
    offset: number,
    count: number,
    ids: CopiedIds,
    producer: number,
    wantedLow: number,
    wantedHigh: number,
  ): void {
    const words = this.#words;
    const { retained } = this;
    const producerBits = producer << record.PRODUCER_SHIFT;
    let { position, next: sequence } = this;
    let word = offset >> 2;
    let noted = 0;
    for (let i = 0; i < count; i++) {
      const kind = words[word + record.KIND_WORD]! & record.PRODUCER_MASK;
      words[word + record.KIND_WORD] = kind | producerBits;
      words[word + record.SEQUENCE_LOW_WORD] = sequence | 0;
      words[word + record.SEQUENCE_HIGH_WORD] = sequence < 2 ** 32 ? 0 : Math.floor(sequence / 2 ** 32);
      if (noted < ids.count && ids.at[noted] === i) this.#setIds(word, kind, ids, noted++);
      const units = record.unitsOf(words[word + record.LENGTH_WORD]!);
      retained.index(position, sequence++);
      position += units;
      word += units * record.UNIT_WORDS;
    }
    this.next = sequence;
    this.position = position;
    // Orders the plain bytes of all of them before the position that lets readers at them.
    this.cells.store(control.TAIL, narrow(this.position));
    this.waker.want(wantedLow, wantedHigh);
  }

  #setIds(word: number, kind: number, ids: CopiedIds, noted: number): void {
    const words = this.#words;
    if ((kind & record.EXTENDED) !== 0) {
      words[word + record.EXTENSION_START_WORD + record.ORIGIN_WORD] = ids.origins[noted]!;
    }
    words[word + record.TOPIC_WORD] = ids.topics[noted]!;
    const payloadOffset = words[word + record.PAYLOAD_WORD]! & record.PAYLOAD_OFFSET_MASK;
    words[word + record.PAYLOAD_WORD] = payloadOffset | (ids.types[noted]! << record.TYPE_ID_SHIFT);
  }

  /** Says how long dedicated readers may wait awake. */
  setSpinBudget(budgetUs: number): void {
    this.cells.store(control.SPIN_BUDGET_US, budgetUs);
  }

  setState(state: number): void {
    this.cells.store(control.WRITER_STATE, state);
  }

  /** Fills the ring up to its end, invisibly: the padding shows with the record behind it. */
  #pad(units: number): void {
    const word = offsetOf(this.position, this.memory.capacityBytes) >> 2;
    this.#words[word + record.LENGTH_WORD] = units * record.UNIT_BYTES;
    this.#words[word + record.KIND_WORD] = record.PADDING_RECORD;
    this.#advance(units, this.next);
  }

  /** Units from the start of the ring to the tail. */
  #tailInRing(): number {
    // Masked, not `%`: a remainder of doubles is a call into the C library.
    return this.position & (this.capacityUnits - 1);
  }

  #advance(units: number, sequence: number): void {
    this.retained.index(this.position, sequence);
    this.position += units;
  }
}
