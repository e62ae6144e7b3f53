/**
 * The subscriptions of one connected thread, on the thread that owns the bus: begun, changed and ended in the order of the
 * thread's own events.
 *
 * Whatever decides on which records a reader delivers is told before FILTER_VERSION of its slot is counted up, and that before
 * anything more is written: the thread loads TAIL, then the version, and hears what it was told before it routes.
 *
 * A slot is given back when the thread says that it touches it no more, or is gone.
 */
import { idsOf } from '../publish/origins.js';
import { nameOfReader } from '../publish/readers.js';
import { FILTER_VERSION, RELEASED, slotOf } from '../ring/control-descriptor.js';
import type { Selection } from '../subscribe/delivery.js';
import { findStart } from '../subscribe/replay.js';
import type { SubscribingParts } from '../subscribe/subscribing-parts.js';
import type { Subscription } from '../subscribe/subscription.js';
import { NO_READER } from '../subscribe/subscription-stats.js';
import type { Subscriptions } from '../subscribe/subscriptions.js';
import { tellEvicted } from '../subscribe/tell.js';
import { compileFilter } from '../topic/filter.js';
import type { ReaderStart, ToConnection, ToOwner } from './connection-messages.js';
import type { ControlRequest, SubscribeRequest } from './control-request.js';
import { cross } from './crossed-error.js';
import { ThreadModules } from './modules/thread-modules.js';
import { RemoteDelivery } from './remote-delivery.js';
import { SharedCounts } from './shared-counts.js';
import { ThreadWaits } from './waits/thread-waits.js';

/** What subscriptions of connections need of the bus. */
export interface LendingParts extends SubscribingParts {
  readonly subscriptions: Subscriptions;
}

/** The connection that they belong to. */
export interface Lessee {
  readonly name: string;
  /** It is on the thread of the bus itself. */
  readonly isLocal: boolean;
  /** The thread is gone, or has nothing to do with the bus any more. */
  isGone(): boolean;
  /** Tells what has to be heard: where the port has not come, when it does. */
  tell(message: ToConnection): void;
  wake(slot: number): void;
  /** Takes what the thread has said, also while the event loop does not turn. */
  hear(): void;
}

/** A reader of the thread's. */
interface LentReader {
  readonly slot: number;
  /** By the thread's own count. */
  readonly key: number;
  readonly subscriptions: Set<Subscription>;
}

export class ThreadSubscriptions {
  readonly #parts: LendingParts;
  readonly #lessee: Lessee;
  readonly #all = new Map<number, { readonly subscription: Subscription; readonly delivery: RemoteDelivery }>();
  readonly #bySlot = new Map<number, LentReader>();
  /** Those that others may join. */
  readonly #byKey = new Map<number, LentReader>();
  readonly #modules: ThreadModules;
  readonly waits: ThreadWaits;
  isTaken = false;
  #isLeaving = false;

  constructor(parts: LendingParts, lessee: Lessee) {
    this.#parts = parts;
    this.#lessee = lessee;
    this.#modules = new ThreadModules(parts.subscriptions, lessee);
    this.waits = new ThreadWaits(parts.arrivals, lessee.tell);
  }

  /** Whether any has not ended, or any reader is still the thread's. */
  get any(): boolean {
    return this.#all.size + this.#bySlot.size + this.#modules.count > 0;
  }

  /** Whether what a request is about has come: of a module, what it is subscribed with. */
  mayHeed(request: ControlRequest): boolean {
    if (request.kind !== 'module' || this.#lessee.isGone() || this.#modules.hasOffer(request.key)) return true;
    // Said before the request was written: it is there, unless it is on another way than the port.
    this.#lessee.hear();
    return this.#modules.hasOffer(request.key);
  }

  /** Does what the thread asks, in the order of its records. Returns false, and does nothing, where the thread is gone. */
  heed(request: ControlRequest): boolean {
    // It reads nothing.
    if (this.#lessee.isGone()) return false;
    if (request.kind === 'subscribe') this.#subscribe(request);
    else if (request.kind === 'module') this.#modules.begin(request.key);
    else if (!this.#modules.change(request)) this.#change(request);
    return true;
  }

  #change(request: Extract<ControlRequest, { kind: 'filter' | 'drain' }>): void {
    const known = this.#all.get(request.key);
    // Ended meanwhile, of which the thread is told or has told.
    if (known === undefined) return;
    if (request.kind === 'drain') void known.subscription.stopAt(this.#parts.publisher.order.nextSequence);
    else if (request.kind === 'filter' && known.subscription.active) known.subscription.setFilter(request.filter);
  }

  /** Takes what the thread has said on its port. */
  receive(message: Exclude<ToOwner, number>): void {
    if (message.kind === 'released') {
      const reader = this.#bySlot.get(message.slot);
      if (reader !== undefined) this.#giveBack(reader);
    } else if (message.kind === 'module') this.#modules.offer(message);
    else if (message.kind === 'stop') this.#modules.stop(message.key);
    else if (message.kind === 'instead?' || message.kind === 'topics') this.waits.receive(message);
    else this.#receiveOf(message);
  }

  #receiveOf(message: Extract<ToOwner, { kind: 'counting' | 'removed' | 'aside' | 'ended' }>): void {
    const known = this.#all.get(message.key);
    if (known === undefined) return;
    if (message.kind === 'counting') known.delivery.countIn(new SharedCounts(message.cells));
    else if (message.kind === 'removed') this.#parts.topics.unwant(known.subscription);
    else if (message.kind === 'aside') known.delivery.standAside();
    else this.#end(message.key, () => known.delivery.end(message.counts));
  }

  /** Of a closing bus: nothing more is taken over from the thread. */
  taken(): void {
    this.isTaken = true;
    if (this.#isLeaving) this.#endAll();
  }

  /** The thread has asked in its uplink that all of them end. That is not read any more where the bus is closing. */
  leaves(): void {
    this.#isLeaving = true;
    if (this.isTaken) this.#endAll();
  }

  #endAll(): void {
    const { nextSequence } = this.#parts.publisher.order;
    for (const { subscription } of [...this.#all.values()]) void subscription.stopAt(nextSequence);
    this.#modules.endAll();
  }

  /**
   * The thread is gone, or will touch nothing any more: what it had is given back.
   *
   * @param isBusOver whether that is because the bus is
   */
  abandon(isBusOver: boolean): void {
    this.#modules.abandon(isBusOver);
    for (const [key, { delivery }] of [...this.#all]) this.#end(key, () => delivery.destroy());
    for (const reader of [...this.#bySlot.values()]) this.#giveBack(reader);
  }

  #subscribe(request: SubscribeRequest): void {
    const { key } = request;
    try {
      this.#begin(request);
    } catch (error) {
      this.#lessee.tell({ kind: 'denied', key, error: cross(error) });
    }
  }

  #begin(request: SubscribeRequest): void {
    const { topics, subscriptions, origins } = this.#parts;
    const { key, name, many = Number.POSITIVE_INFINITY } = request;
    const exceptOrigins = idsOf(origins, request.exceptOrigins);
    const selection: Selection = { filter: compileFilter(request.filter), exceptOrigins };
    const start = findStart(this.#parts, request.from, selection);
    const joined = this.#byKey.get(request.reader);
    const reader = joined ?? this.#lend(request, subscriptions.slots.take(request.delivery, start));
    const { slot } = reader;
    const { joinSequence, position, sequence, missed } = start;
    const delivery = new RemoteDelivery(slot, selection, joinSequence, many, {
      connection: this.#lessee.name,
      end: (endSequence) => this.#tellReader(slot, { kind: 'end', key, endSequence }),
      changeFilter: (fromSequence) => this.#changeFilter(key, slot, fromSequence),
      view: () => (this.#bySlot.get(slot) === reader ? subscriptions.slots.view(slot) : NO_READER),
      released: () => this.#parts.writer.memory.cells.load(slotOf(slot) + RELEASED),
    });
    const subscription = subscriptions.make(name, selection.filter);
    if (many === 1) this.waits.begin(key, selection.filter);
    reader.subscriptions.add(subscription);
    this.#all.set(key, { subscription, delivery });
    // Before the thread is told that it is granted: from then on it no longer sends what only this subscription wants.
    topics.want(subscription, selection.filter, delivery);
    const begins: ReaderStart | undefined = joined === undefined ? { slot, position, sequence, missed } : undefined;
    this.#tellReader(slot, { kind: 'granted', key, joinSequence, exceptOrigins, start: begins });
    subscriptions.track(subscription, delivery);
  }

  #lend({ reader: key }: SubscribeRequest, slot: number): LentReader {
    const reader: LentReader = { slot, key, subscriptions: new Set() };
    this.#bySlot.set(slot, reader);
    this.#byKey.set(key, reader);
    const { name, isLocal } = this.#lessee;
    const describe = (): string => {
      const names = [...reader.subscriptions].map((each) => each.name);
      return `${names.length === 0 ? 'a reader' : nameOfReader(...names)} of connection ${JSON.stringify(name)}`;
    };
    this.#parts.subscriptions.slots.assign(slot, {
      local: isLocal,
      describe,
      wake: () => this.#lessee.wake(slot),
      restartNow: () => {
        // It may have given the slot back.
        this.#lessee.hear();
        return true;
      },
      isComingBack: () => false,
      evict: (error) => {
        // Subscriptions that come later want what they were promised.
        if (this.#byKey.get(key) === reader) this.#byKey.delete(key);
        const { subscription: heldBy, stallTimeoutMs } = error;
        this.#lessee.tell({ kind: 'evicted', slot, heldBy, stallTimeoutMs });
        for (const subscription of [...reader.subscriptions]) tellEvicted(this.#parts.bus, subscription, error);
      },
    });
    return reader;
  }

  #changeFilter(key: number, slot: number, fromSequence: number): number {
    const { retained, gate, tail } = this.#parts.writer;
    const { sequence } = retained.placeOf(slot);
    const goneBefore = retained.goneBefore(gate.released(slot, tail));
    this.#tellReader(slot, { kind: 'filtered', key, fromSequence, goneBefore });
    return sequence ?? goneBefore;
  }

  #tellReader(slot: number, message: ToConnection): void {
    this.#lessee.tell(message);
    // Behind the message, and before what is written next.
    this.#parts.writer.memory.cells.add(slotOf(slot) + FILTER_VERSION, 1);
  }

  #end(key: number, end: () => void): void {
    const { subscription } = this.#all.get(key)!;
    this.#all.delete(key);
    this.waits.end(key);
    this.#parts.topics.unwant(subscription);
    this.#bySlot.get(subscription.delivery.reader)?.subscriptions.delete(subscription);
    end();
  }

  #giveBack(reader: LentReader): void {
    this.#bySlot.delete(reader.slot);
    if (this.#byKey.get(reader.key) === reader) this.#byKey.delete(reader.key);
    this.#parts.subscriptions.slots.giveBack(reader.slot);
  }
}
