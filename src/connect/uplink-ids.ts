/** What the owner alone can say of the records of an uplink: who wants them, and their ids of topics, types and origins. */
import { EnvelopeContext } from '../envelope/envelope-context.js';
import { ReceivedEnvelope } from '../envelope/received-envelope.js';
import type { EventTypes } from '../publish/event-types.js';
import type { Origins } from '../publish/origins.js';
import type { TopicEntry, WantedBy } from '../publish/topic-entry.js';
import type { TopicTable } from '../publish/topic-table.js';
import { NameDirectory } from '../ring/name-registry.js';
import * as record from '../ring/record-descriptor.js';
import { ExtensionWords } from '../ring/record-extension.js';
import type { RingMemory } from '../ring/ring-memory.js';
import type { CopiedIds } from '../ring/ring-writer.js';

/** What names and ids are looked up in. */
export interface IdTarget {
  readonly topics: TopicTable;
  readonly types: EventTypes;
  readonly origins: Origins;
  /** Told of what went wrong with an event that is delivered all the same. Must not throw. */
  onError(error: Error): void;
}

/** Of what is no event. */
export const NOBODY: WantedBy = { wantedLow: 0, wantedHigh: 0 };

/** Nobody decodes an event here. */
const NO_TYPES = new EnvelopeContext({ find: () => undefined });

export class UplinkIds implements CopiedIds {
  /** Ids for topics and types that the thread has not known. */
  readonly topicGrants = new Map<string, number>();
  readonly typeGrants = new Map<string, number>();
  count = 0;
  readonly at: Int32Array;
  readonly topics: Int32Array;
  readonly types: Int32Array;
  readonly origins: Int32Array;
  readonly #memory: RingMemory;
  readonly #target: IdTarget;
  readonly #originNames: NameDirectory;
  /** The ids of the bus, by the thread's own. */
  readonly #origins: number[] = [0];
  /** To ask who wants an event with an origin. */
  readonly #extension = new ExtensionWords();
  /** Of the record that was looked at last. */
  #entry!: TopicEntry;

  /** @param maxRun records of a run */
  constructor(memory: RingMemory, originNames: SharedArrayBuffer, target: IdTarget, maxRun: number) {
    this.#memory = memory;
    this.#target = target;
    this.#originNames = new NameDirectory(originNames);
    this.at = new Int32Array(maxRun);
    this.topics = new Int32Array(maxRun);
    this.types = new Int32Array(maxRun);
    this.origins = new Int32Array(maxRun);
  }

  /** Who wants the record that starts at `word`; {@link NOBODY}: it is padding. */
  wantsOf(word: number): WantedBy {
    const kindWord = this.#memory.words[word + record.KIND_WORD]!;
    if ((kindWord & record.KIND_MASK) !== record.EVENT_RECORD) return NOBODY;
    const entry = this.#entryOf(word);
    this.#entry = entry;
    const originId = (kindWord & record.EXTENDED) === 0 ? 0 : this.#originIdOf(word);
    if (originId === 0) return entry;
    this.#extension.originId = originId;
    return entry.wantedWith(this.#extension);
  }

  /** Notes the ids of the record that {@link wantsOf} was asked for last, as the one with that number in its run. */
  note(word: number, index: number): void {
    const isExtended = (this.#memory.words[word + record.KIND_WORD]! & record.EXTENDED) !== 0;
    this.at[this.count] = index;
    this.topics[this.count] = this.#entry.id;
    this.types[this.count] = this.#typeIdOf(word);
    this.origins[this.count++] = isExtended ? this.#originIdOf(word) : 0;
  }

  #entryOf(word: number): TopicEntry {
    const { topics } = this.#target;
    const topicId = this.#memory.words[word + record.TOPIC_WORD]!;
    if (topicId !== 0) return topics.entryOf(topicId);
    const { topic } = this.#envelopeAt(word);
    const entry = topics.entry(topic);
    if (entry.id !== 0) this.topicGrants.set(topic, entry.id);
    return entry;
  }

  #typeIdOf(word: number): number {
    const typeId = this.#memory.words[word + record.PAYLOAD_WORD]! >>> record.TYPE_ID_SHIFT;
    if (typeId !== 0) return typeId;
    const { typeUrl } = this.#envelopeAt(word);
    const id = this.#target.types.idOfUrl(typeUrl);
    if (id !== 0) this.typeGrants.set(typeUrl, id);
    return id;
  }

  /** The bus's id of the origin of the extended record that starts at `word`. */
  #originIdOf(word: number): number {
    const own = this.#memory.words[word + record.EXTENSION_START_WORD + record.ORIGIN_WORD]!;
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

  #envelopeAt(word: number): ReceivedEnvelope {
    const { words } = this.#memory;
    const payloadAt = words[word + record.PAYLOAD_WORD]! & record.PAYLOAD_OFFSET_MASK;
    const payloadOffset = payloadAt === 0 ? 0 : payloadAt - record.bodyOffset(words[word + record.KIND_WORD]!);
    return ReceivedEnvelope.over(this.bodyAt(word), NO_TYPES, payloadOffset, 0);
  }

  /** The body of the record that starts at `word`, in the uplink. */
  bodyAt(word: number): Buffer {
    const { words, bytes } = this.#memory;
    const offset = word << 2;
    const end = offset + words[word + record.LENGTH_WORD]!;
    return bytes.subarray(offset + record.bodyOffset(words[word + record.KIND_WORD]!), end);
  }
}
