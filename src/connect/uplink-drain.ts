/**
 * Takes records over from one uplink into the ring of the bus: in runs, each copied at once and then finished with what the
 * owner alone can say: sequence, producer, and the ids that the thread did not know.
 */
import { EnvelopeContext } from '../envelope/envelope-context.js';
import { ReceivedEnvelope } from '../envelope/received-envelope.js';
import { narrow, widen } from '../memory/position.js';
import type { EventTypes } from '../publish/event-types.js';
import type { Origins } from '../publish/origins.js';
import type { TopicEntry, WantedBy } from '../publish/topic-entry.js';
import type { TopicTable } from '../publish/topic-table.js';
import * as control from '../ring/control-descriptor.js';
import { NameDirectory } from '../ring/name-registry.js';
import * as record from '../ring/record-descriptor.js';
import { attachRing, offsetOf, type RingMemory } from '../ring/ring-memory.js';
import { RingReader } from '../ring/ring-reader.js';
import type { RingWriter } from '../ring/ring-writer.js';
import * as uplink from '../ring/uplink-descriptor.js';
import { countEvents } from '../ring/uplink-memory.js';
import type { Hello } from './connection-messages.js';

/** What is copied at a time, unless one record is longer. */
const RUN_BYTES = 16 * 1024;
const MAX_RUN = RUN_BYTES / record.UNIT_BYTES;

/** Where records go. */
export interface DrainTarget {
  readonly writer: RingWriter;
  readonly topics: TopicTable;
  readonly types: EventTypes;
  readonly origins: Origins;
  readonly keepUnwanted: boolean;
  /** Told of events that are in the ring now. Must not throw. */
  onTaken(events: number): void;
  /** Told of an event that nobody wants any more. Must not throw. */
  onUnwanted(): void;
  /** Told of what went wrong with an event that is delivered all the same. Must not throw. */
  onError(error: Error): void;
}

/** What a call of {@link UplinkDrain.drain} came to: nothing is left; the budget is used up; the ring of the bus is full. */
export type Drained = 'empty' | 'more' | 'full';

/** Nobody decodes an event here. */
const NO_TYPES = new EnvelopeContext({ find: () => undefined });

export class UplinkDrain {
  /** Events taken over, and events that nobody wants any more. */
  taken = 0;
  unwanted = 0;
  /** Ids for topics and types that the thread has not known. */
  readonly topicGrants = new Map<string, number>();
  readonly typeGrants = new Map<string, number>();
  readonly memory: RingMemory;
  readonly #producer: number;
  readonly #target: DrainTarget;
  readonly #reader: RingReader;
  readonly #originNames: NameDirectory;
  /** The ids of the bus, by the thread's own. */
  readonly #origins: number[] = [0];
  /** Wide. */
  #position: number;
  /** Where a closing bus ends. */
  #bound: number | undefined;
  readonly #topicIds = new Int32Array(MAX_RUN);
  readonly #typeIds = new Int32Array(MAX_RUN);
  readonly #originIds = new Int32Array(MAX_RUN);
  /** To ask who wants an event with an origin. */
  readonly #extension = new Int32Array(record.EXTENSION_WORDS);
  /** Bytes of the run up to the end of each record. */
  readonly #ends = new Int32Array(MAX_RUN);
  #count = 0;
  #wantedLow = 0;
  #wantedHigh = 0;

  /** @param onRoom the thread waits in its event loop for the room that was made just now */
  constructor(hello: Pick<Hello, 'uplink' | 'originNames'>, producer: number, target: DrainTarget, onRoom: () => void) {
    const memory = attachRing(hello.uplink);
    this.memory = memory;
    this.#originNames = new NameDirectory(hello.originNames);
    this.#producer = producer;
    this.#target = target;
    const released = memory.cells.load(control.slotOf(uplink.OWNER_SLOT) + control.RELEASED);
    this.#position = widen(0, released);
    this.#reader = new RingReader(memory, uplink.OWNER_SLOT, this.#position, onRoom);
  }

  /** Bytes that are written and not taken over. */
  get unreadBytes(): number {
    return (widen(this.#position, this.#tail()) - this.#position) * record.UNIT_BYTES;
  }

  get isEmpty(): boolean {
    return this.#tail() === narrow(this.#position);
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
    while (narrow(this.#position) !== tail) {
      if (this.#position >= until) return 'more';
      this.#scan(widen(this.#position, tail));
      if (this.#count > 0 && !this.#copy()) return 'full';
    }
    return 'empty';
  }

  /** Steps over what nobody wants, then notes the run of records from there on. */
  #scan(tail: number): void {
    const { words, capacityBytes } = this.memory;
    this.#count = 0;
    this.#wantedLow = 0;
    this.#wantedHigh = 0;
    let bytes = 0;
    // Copied in one piece, a run goes on neither over padding nor over what nobody wants nor over the end of the uplink.
    for (let at = this.#position; at < tail; ) {
      const offset = offsetOf(at, capacityBytes);
      const word = offset >> 2;
      if (offset === 0 && this.#count > 0) return;
      const units = record.unitsOf(words[word + record.LENGTH_WORD]!);
      const kindWord = words[word + record.KIND_WORD]!;
      const isEvent = (kindWord & record.KIND_MASK) === record.EVENT_RECORD;
      const originId = (kindWord & record.EXTENDED) === 0 ? 0 : this.#originIdOf(word);
      const entry = isEvent ? this.#entryOf(offset) : undefined;
      const wants = entry === undefined || originId === 0 ? entry : this.#wantsOf(entry, originId);
      const isWanted = wants !== undefined && ((wants.wantedLow | wants.wantedHigh) !== 0 || this.#target.keepUnwanted);
      if (!isWanted) {
        if (this.#count > 0) return;
        if (isEvent) {
          this.unwanted++;
          this.#target.onUnwanted();
        }
        at += units;
        this.#position = at;
        continue;
      }
      bytes += units * record.UNIT_BYTES;
      if (this.#count > 0 && bytes > RUN_BYTES) return;
      this.#topicIds[this.#count] = entry!.id;
      this.#originIds[this.#count] = originId;
      this.#typeIds[this.#count] = this.#typeIdOf(offset);
      this.#ends[this.#count++] = bytes;
      this.#wantedLow |= wants.wantedLow;
      this.#wantedHigh |= wants.wantedHigh;
      at += units;
      if (this.#count === MAX_RUN) return;
    }
  }

  /** Copies the run, or as much of it as there is room for. False when there is room for none of it. */
  #copy(): boolean {
    const { writer } = this.#target;
    const { capacityBytes } = this.memory;
    writer.open(this.#ends[this.#count - 1]!);
    const room = writer.windowEnd - writer.windowStart;
    let count = this.#count;
    while (count > 0 && this.#ends[count - 1]! > room) count--;
    let target = writer.windowStart;
    if (count === 0) {
      // Before the end of the ring there is no room for the first one; behind it there may be.
      count = 1;
      target = writer.claim(this.#ends[0]!);
      if (target < 0) return false;
    }
    const bytes = this.#ends[count - 1]!;
    this.memory.copyTo(writer.memory.bytes, target, offsetOf(this.#position, capacityBytes), bytes);
    const ids = { topics: this.#topicIds, types: this.#typeIds, origins: this.#originIds };
    writer.commitCopied(target, count, ids, this.#producer, this.#wantedLow, this.#wantedHigh);
    this.#position += bytes >> record.UNIT_SHIFT;
    this.taken += count;
    this.#target.onTaken(count);
    return true;
  }

  #entryOf(offset: number): TopicEntry {
    const { topics } = this.#target;
    const topicId = this.memory.words[(offset >> 2) + record.TOPIC_WORD]!;
    if (topicId !== 0) return topics.entryOf(topicId);
    const { topic } = this.#envelopeAt(offset);
    const entry = topics.entry(topic);
    if (entry.id !== 0) this.topicGrants.set(topic, entry.id);
    return entry;
  }

  #typeIdOf(offset: number): number {
    const typeId = this.memory.words[(offset >> 2) + record.PAYLOAD_WORD]! >>> record.TYPE_ID_SHIFT;
    if (typeId !== 0) return typeId;
    const { typeUrl } = this.#envelopeAt(offset);
    const id = this.#target.types.idOfUrl(typeUrl);
    if (id !== 0) this.typeGrants.set(typeUrl, id);
    return id;
  }

  /** The bus's id of the origin of the extended record that starts at `word`. */
  #originIdOf(word: number): number {
    const own = this.memory.words[word + record.EXTENSION_START_WORD + record.ORIGIN_WORD]!;
    return this.#origins[own] ?? this.#meetOrigin(own);
  }

  #meetOrigin(own: number): number {
    let id = 0;
    try {
      id = this.#target.origins.idOf(this.#originNames.glance(own));
    } catch (error) {
      // The bus has as many as it can, of which the thread could not know.
      this.#target.onError(error as Error);
    }
    this.#origins[own] = id;
    return id;
  }

  #wantsOf(entry: TopicEntry, originId: number): WantedBy {
    this.#extension[record.ORIGIN_WORD] = originId;
    return entry.wantedWith(this.#extension);
  }

  #envelopeAt(offset: number): ReceivedEnvelope {
    const { words, bytes } = this.memory;
    const word = offset >> 2;
    const end = offset + words[word + record.LENGTH_WORD]!;
    const payloadAt = words[word + record.PAYLOAD_WORD]! & record.PAYLOAD_OFFSET_MASK;
    const bodyAt = record.bodyOffset(words[word + record.KIND_WORD]!);
    const payloadOffset = payloadAt === 0 ? 0 : payloadAt - bodyAt;
    return ReceivedEnvelope.over(bytes.subarray(offset + bodyAt, end), NO_TYPES, payloadOffset, 0);
  }
}
