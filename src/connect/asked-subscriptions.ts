/**
 * What a connected thread has asked the owner for and what that answers: which subscriptions are in force, from where on their
 * filters count, where they end.
 */
import { ReentrantPublishError, SubscriptionEvictedError } from '../errors.js';
import { queueMicrotask } from '../host/timing.js';
import { outsideHandlers } from '../publish/handling.js';
import type { Publisher } from '../publish/publisher.js';
import type { ReadingContext } from '../subscribe/local-reader.js';
import type { Subscription } from '../subscribe/subscription.js';
import { tellEnded, tellError } from '../subscribe/tell.js';
import type { CompiledFilter } from '../topic/filter.js';
import type { AskedDelivery } from './asked-delivery.js';
import type { Granted, ToConnection } from './connection-messages.js';
import { ConnectionReaders } from './connection-readers.js';
import { type ControlRequest, recordsOf } from './control-request.js';
import { revive } from './crossed-error.js';
import { AskedModules, type AskingParts } from './modules/asked-modules.js';
import type { SharedCounts } from './shared-counts.js';
import type { AskedWaits } from './waits/asked-waits.js';

/** What the subscriptions of a connection work with. */
export interface ConnectionSubscribingParts extends Omit<AskingParts, 'checkNotEncoding' | 'send'> {
  readonly publisher: Publisher;
  readonly askedWaits: AskedWaits;
  readonly maxRecordBytes: number;
  readonly reading: () => ReadingContext;
}

/** What is asked of the owner, and what that has told of it so far. */
export interface Asked {
  readonly key: number;
  readonly subscription: Subscription;
  readonly delivery: AskedDelivery;
  readonly readerKey: number;
  /** Shared with the owner from when it is granted; not of what ends with its first event. */
  readonly counts: SharedCounts | undefined;
  /** Answers of the owner that hold the thread open until they come: whether it is granted, and where it ends. */
  awaited: number;
  /** What it wants that the owner has not confirmed: of the subscription, then of each change of its filter. */
  readonly unconfirmed: object[];
  /** As the owner said last. */
  goneBefore: number;
}

type Told = Exclude<ToConnection, number>;

export class AskedSubscriptions {
  readonly readers: ConnectionReaders;
  readonly modules: AskedModules;
  readonly #parts: ConnectionSubscribingParts;
  readonly #asked = new Map<number, Asked>();

  constructor(parts: ConnectionSubscribingParts) {
    this.#parts = parts;
    this.readers = new ConnectionReaders(parts.link, parts.reading);
    this.modules = new AskedModules({
      ...parts,
      checkNotEncoding: (operation) => this.checkNotEncoding(operation),
      send: (request, isOwed, onAccepted) => this.send(request, isOwed, onAccepted),
    });
  }

  /** Those that have not ended. */
  get all(): readonly Subscription[] {
    const open = [...this.#asked.values()].filter(({ delivery }) => !delivery.isOver);
    return [...open.map(({ subscription }) => subscription), ...this.modules.all];
  }

  /** Keeps what was asked for with {@link send}. Until the owner has answered, the thread sends what it wants. */
  add(asked: Asked, filter: CompiledFilter): void {
    this.#asked.set(asked.key, asked);
    this.#await(asked);
    this.readers.asked(asked.readerKey);
    this.#want(asked, filter);
    // At once: a connection that is over answers nothing.
    void asked.delivery.ended.then(() => this.#ended(asked));
    void asked.delivery.aside.then(() => {
      if (!asked.delivery.isOver) this.#parts.link.say({ kind: 'aside', key: asked.key });
    });
  }

  /** Lets `filter` count for what is accepted from now on. */
  changeFilter(key: number, filter: CompiledFilter): void {
    this.send({ kind: 'filter', key, filter: filter.source }, false);
    const asked = this.#asked.get(key)!;
    this.#want(asked, filter);
    asked.delivery.askFilter(filter);
  }

  /** Asks the owner where a subscription ends that is stopped now and gets what was accepted before. */
  askEnd(key: number): void {
    const asked = this.#asked.get(key);
    // What has ended and was not answered yet: nobody tells where that ends.
    if (asked === undefined || asked.delivery.isOver) return;
    this.send({ kind: 'drain', key }, true);
    this.#await(asked);
  }

  /**
   * Asks for something, behind all that was accepted.
   *
   * @param isOwed whether that is taken however much waits
   * @param onAccepted called before it is written, once it is certain that it is
   * @throws {QueueFullError} `BUS_QUEUE_FULL`
   */
  send(request: ControlRequest, isOwed: boolean, onAccepted?: () => void): void {
    this.#parts.publisher.pending.control(recordsOf(request, this.#parts.maxRecordBytes), isOwed, onAccepted);
  }

  /** Whether something comes before the event that is being encoded, or behind, could not be said. */
  checkNotEncoding(operation: string): void {
    if (this.#parts.publisher.order.isEncoding) throw new ReentrantPublishError(operation);
  }

  /** Takes what the owner has said. */
  hear(message: Told): void {
    if (message.kind === 'granted') this.#grant(message);
    else if (message.kind === 'module') this.modules.hear(message.key, message.news);
    else if (message.kind === 'filtered') this.#changeFilter(message);
    else if (message.kind === 'end') this.#endAt(message);
    else if (message.kind === 'evicted') this.#evict(message);
    else if (message.kind === 'denied') {
      this.#answer(message.key, (asked) => this.#deny(asked, message));
      this.modules.deny(message.key, message.error);
    }
  }

  /** Lets the owner see what was done so far. */
  tellCounts(): void {
    for (const { delivery, counts } of this.#asked.values()) if (delivery.isGranted) counts?.store(delivery.counts());
  }

  /** Delivers what was accepted, then ends all. Does not wait for handlers that stand aside. */
  async drain(): Promise<void> {
    const open = [...this.#asked.values()];
    for (const { key } of open) this.askEnd(key);
    await Promise.all([...open.map(({ delivery }) => delivery.aside), this.modules.drain()]);
  }

  /** Ends all at once. Readers touch nothing any more when the current call and its microtasks are over. */
  abandon(): void {
    for (const { delivery } of [...this.#asked.values()]) delivery.destroy();
    this.modules.abandon();
  }

  #want({ unconfirmed }: Asked, filter: CompiledFilter): void {
    const want = {};
    unconfirmed.push(want);
    this.#parts.topics.want(want, filter, this.#parts.theOwner);
  }

  #await(asked: Asked): void {
    asked.awaited++;
    this.#parts.keepAlive.hold();
  }

  #stopAwaiting(asked: Asked): void {
    for (; asked.awaited > 0; asked.awaited--) this.#parts.keepAlive.release();
  }

  #grant({ key, joinSequence, exceptOrigins, start }: Granted): void {
    this.#answer(key, ({ delivery, readerKey, counts }) => {
      const reader = this.readers.granted(readerKey, start);
      if (!delivery.grant(reader, joinSequence, exceptOrigins)) {
        this.#parts.link.say({ kind: 'ended', key, counts: delivery.counts() });
      } else if (counts !== undefined) {
        this.#parts.link.say({ kind: 'counting', key, cells: counts.buffer });
      }
    });
  }

  #deny({ delivery, subscription }: Asked, { error }: Extract<Told, { kind: 'denied' }>): void {
    const denied = revive(error);
    delivery.deny(denied);
    // Whoever awaits the next event is told so.
    this.#outside(() => tellError(this.#parts.client, subscription, denied));
  }

  /** Does what the owner's answer asks for. */
  #answer(key: number, act: (asked: Asked) => void): void {
    const asked = this.#asked.get(key);
    if (asked === undefined) return;
    act(asked);
    if (asked.awaited > 0) {
      asked.awaited--;
      this.#parts.keepAlive.release();
    }
    this.#confirm(asked);
    this.readers.answered(asked.readerKey);
    if (asked.delivery.isOver) this.#asked.delete(key);
  }

  /** What the owner has granted, it has told all threads that somebody wants. */
  #confirm({ unconfirmed }: Asked): void {
    this.#parts.topics.unwant(unconfirmed.shift()!);
  }

  #changeFilter({ key, fromSequence, goneBefore }: Extract<Told, { kind: 'filtered' }>): void {
    const asked = this.#asked.get(key);
    if (asked === undefined) return;
    asked.goneBefore = goneBefore;
    asked.delivery.filterCounts(fromSequence);
    this.#confirm(asked);
  }

  #endAt({ key, endSequence }: Extract<Told, { kind: 'end' }>): void {
    const asked = this.#asked.get(key);
    if (asked === undefined) return;
    void asked.subscription.stopAt(endSequence);
  }

  #evict({ slot, heldBy, stallTimeoutMs }: Extract<Told, { kind: 'evicted' }>): void {
    const tell = this.readers.evicted(slot);
    if (tell === undefined) return;
    this.#outside(() => {
      const error = new SubscriptionEvictedError(heldBy, stallTimeoutMs);
      tell(error);
      this.#parts.onOwn('evicted', error);
    });
  }

  /** No listener is called inside a publish, which may be what hears of it. */
  #outside(tell: () => void): void {
    outsideHandlers(() => queueMicrotask(tell));
  }

  #ended(asked: Asked): void {
    const { key, delivery, subscription, unconfirmed } = asked;
    this.#stopAwaiting(asked);
    // The first is confirmed by the answer, where that is still to come.
    const isAnswered = delivery.isGranted || !this.#asked.has(key);
    for (const want of unconfirmed.splice(isAnswered ? 0 : 1)) this.#parts.topics.unwant(want);
    // What was not answered yet is kept until it is.
    if (delivery.isGranted) {
      this.#asked.delete(key);
      const { delivered, failed, scanned, lagged, rescued } = delivery.counts();
      this.#parts.link.say({ kind: 'ended', key, counts: { delivered, failed, scanned, lagged, rescued } });
    }
    tellEnded(this.#parts.client, subscription);
  }
}
