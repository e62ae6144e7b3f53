/** Whether an event is written: its topic and its namespace are valid, and somebody wants it. */
import { InvalidTopicError } from '../errors.js';
import type { RecordExtension } from '../ring/record-extension.js';
import { checkNamespace } from '../topic/topic.js';
import { type OwnerCounters, UNWANTED } from './owner-counters.js';
import type { TopicEntry } from './topic-entry.js';
import type { TopicTable } from './topic-table.js';

export class Admission {
  readonly #topics: TopicTable;
  readonly #keepUnwanted: boolean;
  readonly #counters: OwnerCounters;
  /** The last one that was given, which is valid. */
  #lastNamespace: string | undefined;
  /** Events that nobody wanted; they were not written. */
  unwanted = 0;

  /**
   * @param keepUnwanted whether events that nobody wants are written all the same
   * @param counters what other threads see
   */
  constructor(topics: TopicTable, keepUnwanted: boolean, counters: OwnerCounters) {
    this.#topics = topics;
    this.#keepUnwanted = keepUnwanted;
    this.#counters = counters;
  }

  /**
   * The entry of a topic that somebody wants; undefined, and counted, when nobody does.
   *
   * @param namespace undefined: a valid one
   * @throws {InvalidTopicError} `BUS_INVALID_TOPIC`
   * @throws {InvalidNamespaceError} `BUS_INVALID_NAMESPACE`
   */
  wanted(topic: string, namespace: string | undefined, extension: RecordExtension | undefined): TopicEntry | undefined {
    if (namespace !== undefined && namespace !== this.#lastNamespace) {
      checkNamespace(namespace);
      this.#lastNamespace = namespace;
    }
    const entry = this.#topics.entry(topic);
    if (entry.reserved)
      throw new InvalidTopicError(
        topic,
        'is reserved for the bus itself; choose one that does not begin with /ringcast',
      );
    if (this.#isWritten(entry, extension)) return entry;
    this.dropped();
    return undefined;
  }

  /** An event was accepted that nobody wants. */
  dropped(): void {
    this.#counters[UNWANTED] = ++this.unwanted;
  }

  /** The same for a topic on which only the bus itself publishes; what nobody wants is not counted. */
  wantedReserved(topic: string, extension: RecordExtension | undefined): TopicEntry | undefined {
    const entry = this.#topics.entry(topic);
    return this.#isWritten(entry, extension) ? entry : undefined;
  }

  #isWritten(entry: TopicEntry, extension: RecordExtension | undefined): boolean {
    const { wantedLow, wantedHigh } = extension === undefined ? entry : entry.wantedWith(extension);
    return (wantedLow | wantedHigh) !== 0 || this.#keepUnwanted;
  }
}
