/**
 * What the publishing thread knows of each topic: its id, who wants it, and the bytes that repeat in its envelopes.
 *
 * A topic is checked and matched once, not once per event. Topics that come twice within a recent set are kept and, when
 * somebody wants them, get an id; the others pass through a bounded set, so that a million one-off topics cost no memory.
 */

import type { EventCodec } from '../envelope/event-codec.js';
import type { NameGrants } from '../ring/name-registry.js';
import type { CompiledFilter } from '../topic/filter.js';
import { type FilterHandle, FilterIndex } from '../topic/filter-index.js';
import { checkTopic } from '../topic/topic.js';
import { NO_WANTS, TemplateMemory, TopicEntry, type Want } from './topic-entry.js';

/** Topics of one generation of the recent set; two are remembered. */
const RECENT_TOPICS = 2048;

/** Who is told of what is wanted. Neither may throw. */
export interface WantWatch {
  wanted(owner: object, filter: CompiledFilter): void;
  unwanted(owner: object): void;
}

export class TopicTable {
  readonly #index = new FilterIndex<Want>();
  readonly #wants = new Map<object, FilterHandle>();
  readonly #names: NameGrants;
  readonly #maxTopics: number;
  readonly #declared: ReadonlyMap<string, EventCodec>;
  readonly #templates = new TemplateMemory();
  readonly #known = new Map<string, TopicEntry>();
  /** Of this thread's own grants: ids are granted one after another, from 1. */
  readonly #byId: (TopicEntry | undefined)[] = [undefined];
  /** The last known one: most events of a burst are on one topic. */
  #last: TopicEntry | undefined;
  #recent = new Map<string, TopicEntry>();
  #lessRecent = new Map<string, TopicEntry>();

  constructor(names: NameGrants, maxTopics: number, declared: ReadonlyMap<string, EventCodec>) {
    this.#names = names;
    this.#maxTopics = maxTopics;
    this.#declared = declared;
  }

  /** Told of each filter that somebody wants from now on, and whose nobody's it is any more. */
  watch: WantWatch | undefined;

  /** Topics that events came on here: those that come again and again, then the most recent ones. */
  seen(): string[] {
    return [...new Set([...this.#known.keys(), ...this.#lessRecent.keys(), ...this.#recent.keys()])];
  }

  /** Filters in force, by whom they are for. */
  get wants(): Iterable<readonly [owner: object, handle: FilterHandle]> {
    return this.#wants;
  }

  /** From now on `want.reader` wants what `filter` selects, for `owner`, and no longer what it wanted for it before. */
  want(owner: object, filter: CompiledFilter, { reader, exceptOrigins }: Want): void {
    this.watch?.wanted(owner, filter);
    const before = this.#wants.get(owner);
    if (before !== undefined) this.#index.remove(before);
    this.#wants.set(owner, this.#index.add(filter, { reader, exceptOrigins }));
  }

  /** Nothing is wanted for `owner` any more. */
  unwant(owner: object): void {
    const handle = this.#wants.get(owner);
    if (handle === undefined) return;
    this.#wants.delete(owner);
    this.#index.remove(handle);
    this.watch?.unwanted(owner);
  }

  /** The entry of a topic by its id, up to date. */
  entryOf(id: number): TopicEntry {
    const entry = this.#byId[id]!;
    this.update(entry);
    return entry;
  }

  /** The owner of the bus has granted an id to a topic. */
  grant(topic: string, id: number): void {
    const entry = this.#known.get(topic) ?? this.#recent.get(topic) ?? this.#lessRecent.get(topic);
    // Where it is forgotten by now, it is granted again when it comes again.
    if (entry !== undefined) entry.id = id;
  }

  /**
   * The entry of a topic, up to date.
   *
   * @throws {InvalidTopicError} `BUS_INVALID_TOPIC`
   */
  entry(topic: string): TopicEntry {
    let entry = this.#last;
    if (entry === undefined || entry.topic !== topic) {
      entry = this.#known.get(topic) ?? this.#meet(topic);
      if (entry.id !== 0) this.#last = entry;
    }
    this.update(entry);
    return entry;
  }

  /** Brings an entry up to date with who wants what. */
  update(entry: TopicEntry): void {
    if (entry.version !== this.#index.version) this.#refresh(entry);
  }

  #meet(topic: string): TopicEntry {
    const again = this.#recent.get(topic) ?? this.#lessRecent.get(topic);
    if (again !== undefined) {
      if (this.#known.size < this.#maxTopics) {
        this.#known.set(topic, again);
        again.known = true;
        // Looks at who wants it again, and gives it an id if somebody does.
        again.version = -1;
      }
      return again;
    }
    checkTopic(topic);
    const entry = new TopicEntry(topic, this.#declared.get(topic), this.#templates);
    if (this.#recent.size >= RECENT_TOPICS) {
      for (const passed of this.#lessRecent.values()) {
        if (passed.template !== undefined && !passed.known) passed.forget();
      }
      this.#lessRecent = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(topic, entry);
    return entry;
  }

  #refresh(entry: TopicEntry): void {
    entry.version = this.#index.version;
    entry.wantedLow = 0;
    entry.wantedHigh = 0;
    const matches = this.#index.match(entry.topic);
    let excepting = false;
    for (const { subscriber } of matches) {
      const { reader, exceptOrigins } = subscriber;
      if (reader < 32) entry.wantedLow |= 1 << reader;
      else entry.wantedHigh |= 1 << (reader - 32);
      if (exceptOrigins.size > 0) excepting = true;
    }
    entry.excepting = excepting ? matches.map(({ subscriber }) => subscriber) : NO_WANTS;
    const wanted = (entry.wantedLow | entry.wantedHigh) !== 0;
    if (!wanted || entry.id !== 0 || !entry.known) return;
    entry.id = this.#names.append(entry.topic);
    if (entry.id !== 0) this.#byId[entry.id] = entry;
  }
}
