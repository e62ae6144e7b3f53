/**
 * Takes records over from one uplink into the ring of the bus: in runs, each copied at once and then finished with what the
 * owner alone can say: sequence, producer, and the ids that the thread did not know.
 */
import { narrow, widen } from '../memory/position.js';
import * as control from '../ring/control-descriptor.js';
import * as record from '../ring/record-descriptor.js';
import { offsetOf, type RingMemory } from '../ring/ring-memory.js';
import { RingReader } from '../ring/ring-reader.js';
import type { RingWriter } from '../ring/ring-writer.js';
import * as uplink from '../ring/uplink-descriptor.js';
import { countEvents } from '../ring/uplink-memory.js';
import { type ControlRequest, RequestAssembly } from './control-request.js';
import { type IdTarget, NOBODY, UplinkIds } from './uplink-ids.js';

/** What is copied at a time, unless one record is longer. */
const RUN_BYTES = 16 * 1024;
const MAX_RUN = RUN_BYTES / record.UNIT_BYTES;

/** Where records go. */
export interface DrainTarget extends IdTarget {
  readonly writer: RingWriter;
  readonly keepUnwanted: boolean;
  /** Told of events that are in the ring now. Must not throw. */
  onTaken(events: number): void;
  /** Told of an event that nobody wants any more. Must not throw. */
  onUnwanted(): void;
}

/**
 * What a call of {@link UplinkDrain.drain} came to: nothing is left; the budget is used up, or a request was heeded; the ring of
 * the bus is full; what the next request is about has not come.
 */
export type Drained = 'empty' | 'more' | 'full' | 'held';

/** What a drain tells. */
export interface DrainEvents {
  /** The thread waits in its event loop for the room that was made just now. */
  onRoom(): void;
  /** Whether what a request is about has come. Until then nothing is taken over from behind it. */
  mayHeed(request: ControlRequest): boolean;
  /**
   * The thread asks for something. All that it published before is in the ring, and nothing behind it. Returns whether it was
   * heeded, so that others may have been told: false where nobody is left who asks.
   */
  onRequest(request: ControlRequest): boolean;
}

const WORD_BYTES = Int32Array.BYTES_PER_ELEMENT;
/** What tells an event without an extension from all else. */
const PLAIN_MASK = record.KIND_MASK | record.EXTENDED;

export class UplinkDrain {
  /** Events taken over, and events that nobody wants any more. */
  taken = 0;
  unwanted = 0;
  readonly memory: RingMemory;
  readonly ids: UplinkIds;
  /** The number that its records get; 0: all are given to others. */
  producer = 0;
  readonly #target: DrainTarget;
  readonly #reader: RingReader;
  /** Wide. */
  #position: number;
  /** Where a closing bus ends. */
  #bound: number | undefined;
  readonly #events: DrainEvents;
  readonly #requests = new RequestAssembly();
  /** Asked for, and to be heeded before anything else. */
  #request: ControlRequest | undefined;
  /** The run: from #position on, so many records and bytes. */
  #count = 0;
  #bytes = 0;
  #wantedLow = 0;
  #wantedHigh = 0;

  constructor(memory: RingMemory, originNames: SharedArrayBuffer, target: DrainTarget, events: DrainEvents) {
    this.memory = memory;
    this.ids = new UplinkIds(memory, originNames, target, MAX_RUN);
    this.#target = target;
    this.#events = events;
    const released = memory.cells.load(control.slotOf(uplink.OWNER_SLOT) + control.RELEASED);
    this.#position = widen(0, released);
    this.#reader = new RingReader(memory, uplink.OWNER_SLOT, this.#position, () => events.onRoom());
  }

  /** Bytes that are written and not taken over. */
  get unreadBytes(): number {
    return (widen(this.#position, this.#tail()) - this.#position) * record.UNIT_BYTES;
  }

  get isEmpty(): boolean {
    return this.#request === undefined && this.#tail() === narrow(this.#position);
  }

  /** Whether it goes on only when what the next request is about has come: as a message, so no ring would help. */
  get isHeld(): boolean {
    return this.#request !== undefined && !this.#events.mayHeed(this.#request);
  }

  /** Events that are written and not taken over. */
  countUnread(): number {
    return countEvents(this.memory, this.#position, widen(this.#position, this.#tail()));
  }

  /** What lies before `position` counts, and nothing else. */
  seal(position: number): void {
    this.#bound = position;
  }

  /** Takes records over, at least one where there is one and room for it, and about `budgetBytes` at most. */
  drain(budgetBytes: number): Drained {
    const start = this.#position;
    const drained = this.#drain(budgetBytes);
    if (this.#position !== start) this.#reader.release(narrow(this.#position), this.taken + this.unwanted);
    return drained;
  }

  #tail(): number {
    // Pairs with the thread's store: the bytes before TAIL are written.
    return this.#bound ?? this.memory.cells.load(control.TAIL);
  }

  #drain(budgetBytes: number): Drained {
    const until = this.#position + (budgetBytes >> record.UNIT_SHIFT);
    const tail = this.#tail();
    for (;;) {
      if (this.isHeld) return 'held';
      // Whoever was told may have published meanwhile.
      if (this.#heed()) return 'more';
      if (narrow(this.#position) === tail) return 'empty';
      if (this.#position >= until) return 'more';
      this.#scan(widen(this.#position, tail));
      if (this.#count > 0 && !this.#copy()) return 'full';
    }
  }

  #heed(): boolean {
    const request = this.#request;
    this.#request = undefined;
    return request !== undefined && this.#events.onRequest(request);
  }

  /**
   * Steps over what nobody wants, then notes the run of records from there on.
   *
   * Most records are like the one before: of a topic and a type that have ids, and with nothing behind the header. For those
   * it looks at nothing else, and asks once for a run of them who wants their topic.
   */
  #scan(tail: number): void {
    const { words, capacityBytes } = this.memory;
    const { ids } = this;
    const start = offsetOf(this.#position, capacityBytes) >> 2;
    // Copied in one piece, a run goes on neither over padding nor over what nobody wants nor over the end of the uplink.
    const end = Math.min(start + (tail - this.#position) * record.UNIT_WORDS, capacityBytes >> 2);
    let first = start;
    let low = 0;
    let high = 0;
    let topicId = 0;
    let wants = NOBODY;
    this.#count = 0;
    ids.count = 0;
    let word = start;
    while (word < end) {
      const next = word + record.unitsOf(words[word + record.LENGTH_WORD]!) * record.UNIT_WORDS;
      const isPlain = (words[word + record.KIND_WORD]! & PLAIN_MASK) === record.EVENT_RECORD;
      const ownTopicId = words[word + record.TOPIC_WORD]!;
      const isKnown = isPlain && ownTopicId !== 0 && words[word + record.PAYLOAD_WORD]! >>> record.TYPE_ID_SHIFT !== 0;
      if (!isKnown || ownTopicId !== topicId) {
        if ((words[word + record.KIND_WORD]! & record.KIND_MASK) === record.CONTROL_RECORD) {
          // All that lies before it goes first.
          if (this.#count > 0) break;
          this.#request = this.#requests.add(ownTopicId, ids.bodyAt(word));
          first = next;
          word = next;
          break;
        }
        wants = ids.wantsOf(word);
        topicId = isKnown ? ownTopicId : 0;
      }
      if ((wants.wantedLow | wants.wantedHigh) === 0 && (wants === NOBODY || !this.#target.keepUnwanted)) {
        if (this.#count > 0) break;
        if (wants !== NOBODY) {
          this.unwanted++;
          this.#target.onUnwanted();
        }
        first = next;
      } else {
        if (this.#count > 0 && (next - first) * WORD_BYTES > RUN_BYTES) break;
        if (!isKnown) ids.note(word, this.#count);
        low |= wants.wantedLow;
        high |= wants.wantedHigh;
        this.#count++;
      }
      word = next;
    }
    this.#position += (first - start) / record.UNIT_WORDS;
    this.#bytes = (word - first) * WORD_BYTES;
    this.#wantedLow = low;
    this.#wantedHigh = high;
  }

  /** Copies the run, or as much of it as there is room for. False when there is room for none of it. */
  #copy(): boolean {
    const { writer } = this.#target;
    const { capacityBytes } = this.memory;
    writer.open(this.#bytes);
    const room = writer.windowEnd - writer.windowStart;
    if (this.#bytes > room) this.#cut(room);
    let target = writer.windowStart;
    if (this.#count === 0) {
      // Before the end of the ring there is no room for the first one; behind it there may be.
      this.#cut(Number.MAX_SAFE_INTEGER, 1);
      target = writer.claim(this.#bytes);
      if (target < 0) return false;
    }
    this.memory.copyTo(writer.memory.bytes, target, offsetOf(this.#position, capacityBytes), this.#bytes);
    writer.commitCopied(target, this.#count, this.ids, this.producer, this.#wantedLow, this.#wantedHigh);
    this.#position += this.#bytes >> record.UNIT_SHIFT;
    this.taken += this.#count;
    this.#target.onTaken(this.#count);
    return true;
  }

  /** Shortens the run to what fits `room`, and to `most` records. */
  #cut(room: number, most = this.#count): void {
    const { words, capacityBytes } = this.memory;
    const start = offsetOf(this.#position, capacityBytes) >> 2;
    this.#count = 0;
    this.#bytes = 0;
    while (this.#count < most) {
      const units = record.unitsOf(words[start + (this.#bytes >> 2) + record.LENGTH_WORD]!);
      const bytes = this.#bytes + units * record.UNIT_BYTES;
      if (bytes > room) return;
      this.#bytes = bytes;
      this.#count++;
    }
  }
}
