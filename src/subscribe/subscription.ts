/** A live subscription as its owner holds it, whatever it delivers to. */
import { EventEmitter } from 'node:events';
import type { Readable } from 'node:stream';
import { SubscriptionEndedError } from '../errors.js';
import { guardEmitter } from '../host/emitter-guard.js';
import type { KeepAlive } from '../host/keep-alive.js';
import { emitSafely, unwatched } from '../host/report.js';
import { nextTurn, queueMicrotask } from '../host/timing.js';
import { flagOption, readOptions } from '../option-check.js';
import { currentHandlings, type Handling } from '../publish/handling.js';
import { type CompiledFilter, compileFilter, type FilterInput } from '../topic/filter.js';
import type { Delivery } from './delivery.js';
import { SUBSCRIPTION_EVENTS, type SubscriptionEvents } from './subscription-events.js';
import { type DeliveryCounts, NO_READER, type SubscriptionStats } from './subscription-stats.js';

/** What a subscription asks of the publishing side. */
export interface SubscriptionSource {
  /** Calls back with the first sequence behind all whose publishing has begun by now: at once, or when that is settled. */
  whenEndSettled(act: (endSequence: number) => void): void;
  /** Lets `reader` look once more when all that was accepted is in the ring, wanted by it or not. */
  wakeWhenWritten(reader: number): void;
  /** Lets `filter` decide what is accepted from now on. */
  setFilter(subscription: Subscription, filter: CompiledFilter): void;
}

export class Subscription extends EventEmitter<SubscriptionEvents> implements Disposable {
  /** Given as an option, or made up; used in errors, warnings and `stats()`. */
  readonly name: string;
  /** Its reader was made lossy. @internal */
  wasEvicted = false;
  readonly #keepAlive: KeepAlive;
  readonly #source: SubscriptionSource;
  #filter: FilterInput;
  #delivery!: Delivery;
  #state: SubscriptionStats['state'] = 'starting';
  #holds = false;
  #last: DeliveryCounts | undefined;
  /** Whoever has asked for the end with an event in hand: the reader that has to get there does not wait for them. */
  readonly #awaitedBy = new Set<Handling>();
  /** As far as a close has said. */
  #endSequence = Number.MAX_SAFE_INTEGER;
  readonly #stopped: Promise<void>;
  #resolveStopped!: () => void;
  /**
   * A function: sending a subscription to another thread fails with its text, where what arrives could do nothing.
   *
   * @internal
   */
  readonly notCloneable = () => 'a subscription stays on its thread';

  static {
    guardEmitter(Subscription.prototype, SUBSCRIPTION_EVENTS);
  }

  /** Made by `bus.subscribe`. @internal */
  constructor(name: string, filter: FilterInput, keepAlive: KeepAlive, source: SubscriptionSource) {
    super({ captureRejections: true });
    this.name = name;
    this.#filter = filter;
    this.#keepAlive = keepAlive;
    this.#source = source;
    this.#stopped = new Promise((resolve) => {
      this.#resolveStopped = resolve;
    });
  }

  /** Ties the subscription to what carries it out. @internal */
  attach(delivery: Delivery): void {
    this.#delivery = delivery;
    const leaveStarting = (state: 'reading' | 'stopping') => (): void => {
      if (this.#state === 'starting') this.#state = state;
    };
    // Before anybody else hears of it: what never reads is not active.
    unwatched(delivery.ready).then(leaveStarting('reading'), leaveStarting('stopping'));
    void delivery.ended.then(() => this.#end());
    // A thread of its own is there to do work; a handler is there as long as somebody publishes.
    if (delivery.thread === 'own') this.ref();
  }

  /**
   * Resolves when the handler can be called: at once for a handler, after its set-up for a module. What is published
   * before that arrives all the same. Rejects when the module cannot be used.
   */
  get ready(): Promise<void> {
    return this.#delivery.ready;
  }

  /**
   * Resolves when the subscription is over, for whatever reason; asked for in its own handler or `for await`, or in one whose
   * end that waits for, as soon as it was stopped. In another handler of this thread, that one's reader delivers what the end takes without waiting for it.
   * Never rejects.
   */
  get ended(): Promise<void> {
    const { ended, handling } = this.#delivery;
    const callers = currentHandlings();
    if (callers.length === 0 || this.#state === 'ended') return ended;
    // It would wait for itself.
    if (callers.some((caller) => caller === handling)) return this.#stopped;
    const isWaitedFor = (): boolean => callers.some((caller) => handling?.waitsFor(caller));
    const waitsInRing = isWaitedFor();
    for (const caller of callers) caller.await(handling);
    for (const known of this.#awaitedBy) if (known.holder === undefined) this.#awaitedBy.delete(known);
    for (const caller of callers) this.#awaitedBy.add(caller);
    this.#letPass();
    // Those that have just returned are known to have dealt with their events a turn later.
    return waitsInRing ? nextTurn().then(() => (isWaitedFor() ? this.#stopped : ended)) : ended;
  }

  /** False from `stop` on, and after the subscription has ended by itself. */
  get active(): boolean {
    return this.#state === 'starting' || this.#state === 'reading';
  }

  /** What it selects now. */
  get filter(): FilterInput {
    return this.#filter;
  }

  /**
   * Changes what the subscription selects, with neither gap nor overlap: everything accepted before the call is decided by
   * the filter it had then, however late it is delivered; everything accepted after it by the new one, in a thread of its
   * own too, and in the lives of that thread that follow. Refused input changes nothing.
   *
   * On a bus with typed topics the handler's type stays what `subscribe` inferred.
   *
   * @throws {InvalidGlobError} `BUS_INVALID_GLOB`
   * @throws {GlobTooComplexError} `BUS_GLOB_TOO_COMPLEX`
   * @throws {InvalidFilterError} `BUS_INVALID_FILTER`
   * @throws {SubscriptionEndedError} `BUS_SUBSCRIPTION_ENDED` after `stop`, or when it has ended by itself
   * @throws {ReentrantPublishError} `BUS_REENTRANT_PUBLISH` in user code that runs while an event is being encoded
   */
  setFilter(filter: FilterInput): void {
    const compiled = compileFilter(filter);
    // Also where a getter of the filter has stopped it.
    if (!this.active) throw new SubscriptionEndedError(this.name, 'has ended; subscribe again');
    this.#source.setFilter(this, compiled);
    this.#filter = compiled.source;
  }

  /** What carries the subscription out. @internal */
  get delivery(): Delivery {
    return this.#delivery;
  }

  /**
   * Ends the subscription. What is unread is dropped, or, with `drain`, delivered first: what was accepted before the call,
   * and an event that is being encoded while one of its getters calls. On this thread no handler starts after a call
   * without `drain`.
   *
   * A thread that is owed nothing any more has ten seconds to end: in setup, in a handler whose event was dropped, or in
   * teardown. Then it is ended, and an `error` says so. With `drain` what is owed is waited for as long as it takes: a
   * handler or a setup that hangs is ended by `hangTimeoutMs` alone, or by `bus.close`.
   *
   * @returns {@link ended}; calling it again is harmless
   */
  stop(options: { readonly drain?: boolean } = {}): Promise<void> {
    const drain = flagOption('drain', readOptions('options', options, ['drain']).drain);
    if (drain) {
      if (this.active) this.#state = 'stopping';
      this.#source.whenEndSettled((endSequence) => {
        void this.stopAt(endSequence);
        this.#source.wakeWhenWritten(this.#delivery.reader);
      });
    } else {
      void this.stopAt(0);
    }
    this.#resolveStopped();
    return this.ended;
  }

  /** As {@link stop}, with the sequence to end at. @internal */
  stopAt(endSequence: number): Promise<void> {
    if (this.#state !== 'ended') {
      this.#state = 'stopping';
      this.#delivery.stop(endSequence);
      this.#resolveStopped();
      this.#letPass();
    }
    return this.#delivery.ended;
  }

  /** The bus is closing, and will stop the subscription at a sequence when all that was accepted is in the ring. @internal */
  closeAt(endSequence: number): void {
    this.#endSequence = endSequence;
    this.#letPass();
  }

  /** Lets nothing that is to come before the end wait for those who wait for the end. */
  #letPass(): void {
    const endSequence = Math.min(this.#endSequence, this.#delivery.endSequence);
    // Not known yet.
    if (endSequence === Number.MAX_SAFE_INTEGER) return;
    for (const { holder } of this.#awaitedBy) {
      // When a handler has returned its promise: until then it has nothing in hand.
      if (holder !== undefined) queueMicrotask(() => holder.heldPosition !== undefined && holder.letPass(endSequence));
    }
  }

  /**
   * What the thread prints, and those that it is started again in: with the option `stdout` of a module, otherwise
   * undefined. Read it: what nobody reads fills the thread's memory.
   */
  get stdout(): Readable | undefined {
    return this.#delivery.stdout;
  }

  /** The same for what it prints as errors, with the option `stderr`. */
  get stderr(): Readable | undefined {
    return this.#delivery.stderr;
  }

  stats(): SubscriptionStats {
    const counts = this.#last ?? this.#delivery.counts();
    const { name, filter, wasEvicted: evicted } = this;
    const state = this.active && this.#delivery.isRestarting ? 'restarting' : this.#state;
    const { thread, connection } = this.#delivery;
    return { name, filter, thread, ...(connection !== undefined && { connection }), state, evicted, ...counts };
  }

  /** Holds the process open while the subscription is active. The default for modules. */
  ref(): this {
    if (!this.#holds && this.#state !== 'ended') {
      this.#holds = true;
      this.#keepAlive.hold();
    }
    return this;
  }

  /** Lets the process end although the subscription is active. The default for handlers. */
  unref(): this {
    if (this.#holds) {
      this.#holds = false;
      this.#keepAlive.release();
    }
    return this;
  }

  /** The same as `stop()`. */
  [Symbol.dispose](): void {
    void this.stop();
  }

  #end(): void {
    this.#last = { ...this.#delivery.counts(), ...NO_READER };
    this.#state = 'ended';
    this.#resolveStopped();
    this.unref();
    emitSafely(this, 'end');
  }
}
