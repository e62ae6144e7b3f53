/**
 * What the subscriptions of a bus want, as its connections are told: each filter once, whoever wants it.
 *
 * A new filter is told at once, before the call that brings it returns: what any thread publishes from then on is weighed by
 * it. That a filter is wanted no longer is told a moment later, as it costs the connections only events that are dropped: a
 * filter that comes and goes, as with `next` in a loop, is told once.
 */
import { clearTimeout, setTimeout } from '../host/timing.js';
import type { TopicTable, WantWatch } from '../publish/topic-table.js';
import type { CompiledFilter, FilterInput } from '../topic/filter.js';
import type { InterestChange } from './connection-messages.js';

/** How long a filter that nobody wants any more is kept in force. */
const LINGER_MS = 20;

interface SharedFilter {
  readonly key: number;
  readonly text: string;
  readonly source: FilterInput;
  wantedBy: number;
}

export class Interest implements WantWatch {
  readonly #tell: (change: InterestChange) => void;
  readonly #byText = new Map<string, SharedFilter>();
  readonly #byOwner = new Map<object, SharedFilter>();
  readonly #lingering = new Set<SharedFilter>();
  #keys = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param tell passes a change on to all connections; must not throw */
  constructor(topics: TopicTable, tell: (change: InterestChange) => void) {
    this.#tell = tell;
    for (const [owner, { filter }] of topics.wants) this.wanted(owner, filter);
    topics.watch = this;
  }

  /** Everything that is in force, for a connection that is new. */
  get all(): InterestChange {
    const added = [...this.#byText.values()].map(({ key, source }) => [key, source] as const);
    return { added, dropped: [] };
  }

  wanted(owner: object, { source }: CompiledFilter): void {
    const before = this.#byOwner.get(owner);
    // A plain copy of strings and lists of them. JSON would ask a `toJSON` that somebody has put on Object.prototype.
    const text = process.getBuiltinModule('node:v8').serialize(source).toString('latin1');
    let shared = this.#byText.get(text);
    const isNew = shared === undefined;
    if (shared === undefined) {
      shared = { key: ++this.#keys, text, source, wantedBy: 0 };
      this.#byText.set(text, shared);
    }
    shared.wantedBy++;
    this.#lingering.delete(shared);
    this.#byOwner.set(owner, shared);
    if (before !== undefined) this.#release(before);
    if (isNew) this.#tell({ added: [[shared.key, shared.source]], dropped: [] });
  }

  unwanted(owner: object): void {
    const shared = this.#byOwner.get(owner);
    if (shared === undefined) return;
    this.#byOwner.delete(owner);
    this.#release(shared);
  }

  /** Tells nothing more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #release(shared: SharedFilter): void {
    if (--shared.wantedBy > 0) return;
    this.#lingering.add(shared);
    this.#timer ??= setTimeout(() => this.#drop(), LINGER_MS).unref();
  }

  #drop(): void {
    this.#timer = undefined;
    const dropped = [...this.#lingering];
    this.#lingering.clear();
    for (const { text } of dropped) this.#byText.delete(text);
    if (dropped.length > 0) this.#tell({ added: [], dropped: dropped.map(({ key }) => key) });
  }
}
