/**
 * What the ring still holds, for the thread of its writer: the index of its records, and the way along them.
 *
 * One record is indexed for each 64th of the ring, the first that starts there or behind it. The positions are shared in
 * the BOUNDARY cells, where overtaken readers look for a place to go on; the sequences at them are the writer's own.
 */
import type { Cells } from '../memory/cells.js';
import { narrow, widen } from '../memory/position.js';
import { BOUNDARIES, BOUNDARY } from './control-descriptor.js';
import type { ReaderGate } from './reader-gate.js';
import * as record from './record-descriptor.js';
import { extensionAt, type RecordExtension } from './record-extension.js';
import { offsetOf, type RingMemory } from './ring-memory.js';

/** A record boundary: its wide position, and the sequence of the next record from there on. */
export interface Place {
  readonly position: number;
  readonly sequence: number;
}

/** What a record carries. */
export interface RecordContent {
  /** The envelope. */
  readonly body: Buffer;
  readonly extension: RecordExtension | undefined;
}

/** How far the writer has come: wide positions, and the sequence that its next record takes. */
export interface WriterProgress {
  readonly tail: number;
  readonly intent: number;
  readonly sequence: number;
}

export class RetainedRecords {
  readonly #memory: RingMemory;
  readonly #cells: Cells;
  readonly #gate: ReaderGate;
  readonly #writer: WriterProgress;
  readonly #capacityUnits: number;
  /** Units of a 64th of the ring, as a power of two. */
  readonly #partShift: number;
  /** For each 64th of the ring, the wide position of the first record there and the next sequence at it. */
  readonly #positions: Float64Array;
  readonly #sequences = new Float64Array(BOUNDARIES);
  /** The part that was indexed last. */
  #part = -1;

  constructor(memory: RingMemory, gate: ReaderGate, writer: WriterProgress) {
    this.#memory = memory;
    this.#cells = memory.cells;
    this.#gate = gate;
    this.#writer = writer;
    this.#capacityUnits = memory.capacityBytes >> record.UNIT_SHIFT;
    this.#partShift = Math.log2(this.#capacityUnits / BOUNDARIES);
    this.#positions = new Float64Array(BOUNDARIES).fill(writer.tail);
  }

  /** Indexes the record that starts at `tail`, if it is the first of its part. Called before TAIL passes it. */
  index(tail: number, sequence: number): void {
    const part = (tail & (this.#capacityUnits - 1)) >> this.#partShift;
    // Parts that a record jumped over, too: an entry of 2^32 units ago would look like one of now.
    while (this.#part !== part) {
      this.#part = (this.#part + 1) % BOUNDARIES;
      this.#positions[this.#part] = tail;
      this.#sequences[this.#part] = sequence;
      // Before TAIL passes it, so that an index entry never points at bytes that are no record.
      this.#cells.store(BOUNDARY + this.#part, narrow(tail));
    }
  }

  /** The tail, and the sequence that the next record takes. */
  get end(): Place {
    return { position: this.#writer.tail, sequence: this.#writer.sequence };
  }

  /** The latest indexed place at or before a sequence, or the oldest that the ring still holds. */
  seek(sequence: number): Place {
    let found: Place | undefined;
    let oldest = this.end;
    for (let i = 0; i < BOUNDARIES; i++) {
      const place = { position: this.#positions[i]!, sequence: this.#sequences[i]! };
      if (!this.#isIntact(place.position)) continue;
      if (place.position < oldest.position) oldest = place;
      if (place.sequence <= sequence && (found === undefined || place.position > found.position)) found = place;
    }
    return found ?? oldest;
  }

  /** Where a reader stands that nobody reads with at the moment; the sequence is undefined when its record is gone. */
  placeOf(reader: number): { readonly position: number; readonly sequence: number | undefined } {
    const position = this.#gate.released(reader, this.#writer.tail);
    return { position, sequence: this.#isIntact(position) ? this.#sequenceAt(position) : undefined };
  }

  /** Copies of what the record with `sequence` carries, if it lies behind the cursor of `reader` and is not gone. */
  contentOf(reader: number, sequence: number): RecordContent | undefined {
    const position = this.#gate.released(reader, this.#writer.tail);
    if (!this.#isIntact(position)) return undefined;
    for (const { offset, length, kindWord, found } of this.#records(position)) {
      if (found !== sequence) continue;
      const bodyAt = record.bodyOffset(kindWord);
      const body = Buffer.allocUnsafeSlow(length - bodyAt);
      this.#memory.copyTo(body, 0, offset + bodyAt, body.length);
      return { body, extension: extensionAt(this.#memory.words, offset >> 2) };
    }
    return undefined;
  }

  /** Sequence below which a reader at `position` gets nothing any more; 0 while its next record is still there. */
  goneBefore(position: number): number {
    return this.#isIntact(widen(this.#writer.tail, position)) ? 0 : this.seek(0).sequence;
  }

  /** Whether nothing from a position on was announced for overwriting. */
  #isIntact(position: number): boolean {
    return this.#writer.intent - position <= this.#capacityUnits;
  }

  #sequenceAt(position: number): number {
    for (const { found } of this.#records(position)) return found;
    return this.#writer.sequence;
  }

  /** The events from a position on that nobody has overwritten. */
  *#records(position: number): Generator<{ offset: number; length: number; kindWord: number; found: number }> {
    const { words, capacityBytes } = this.#memory;
    for (let at = position; at < this.#writer.tail; ) {
      const offset = offsetOf(at, capacityBytes);
      const word = offset >> 2;
      const length = words[word + record.LENGTH_WORD]!;
      const kindWord = words[word + record.KIND_WORD]!;
      if ((kindWord & record.KIND_MASK) === record.EVENT_RECORD) {
        const low = words[word + record.SEQUENCE_LOW_WORD]! >>> 0;
        yield { offset, length, kindWord, found: low + words[word + record.SEQUENCE_HIGH_WORD]! * 2 ** 32 };
      }
      at += record.unitsOf(length);
    }
  }
}
