/** A subscription that is read with `for await`: the ring is its queue, and one event is in the reader's hand. */
import { inspect } from 'node:util';
import type { Envelope } from '../envelope/envelope.js';
import type { KeepAlive } from '../host/keep-alive.js';
import { unwatched } from '../host/report.js';
import { enterHandling, followAwaits } from '../publish/handling.js';
import type { FilterInput } from '../topic/filter.js';
import type { Delivery } from './delivery.js';
import { Subscription, type SubscriptionSource } from './subscription.js';

type Waiter<E> = (result: IteratorResult<E, undefined>) => void;

export class EventStream<E extends Envelope = Envelope> extends Subscription implements AsyncIterableIterator<E> {
  readonly #keepAlive: KeepAlive;
  readonly #waiters: Waiter<E>[] = [];
  /** Handed over by the reader, not asked for yet. */
  #ready: E | undefined;
  /** Lets the reader go on to the next event: the one before has been dealt with. */
  #release: (() => void) | undefined;
  #over = false;
  /** False after `unref()`: a read that waits holds nothing open. */
  #readsHold = true;
  #holds = false;

  /** Made by `bus.subscribe`. @internal */
  constructor(name: string, filter: FilterInput, keepAlive: KeepAlive, source: SubscriptionSource) {
    super(name, filter, keepAlive, source);
    this.#keepAlive = keepAlive;
    // On a connection it is awaited before any handler is there.
    followAwaits();
  }

  /** The stream's handler: settles when the event has been dealt with. @internal */
  readonly accept = (envelope: E): Promise<void> => {
    return new Promise((release) => {
      const waiter = this.#waiters.shift();
      if (waiter === undefined) this.#ready = envelope;
      else this.#settle(waiter, this.#handOut(envelope));
      // Somebody is already asking for the one after: that one counts as dealt with.
      if (this.#waiters.length > 0) release();
      else this.#release = release;
    });
  };

  /**
   * The next event; `done` after the stream has ended. Asking for it says that the one before has been dealt with: only
   * then its room in the ring is released. Holds the process open until it resolves, unless the stream is unref'd.
   */
  next(): Promise<IteratorResult<E, undefined>> {
    const envelope = this.#ready;
    if (envelope !== undefined) {
      this.#ready = undefined;
      return Promise.resolve(this.#handOut(envelope));
    }
    if (this.#over) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
      this.#holdWhileRead();
      this.#letGo();
    });
  }

  /** Holds the process open while the stream is active, also while nobody reads. */
  override ref(): this {
    this.#readsHold = true;
    this.#holdWhileRead();
    return super.ref();
  }

  /** Lets the process end although a read waits. */
  override unref(): this {
    this.#readsHold = false;
    this.#holdWhileRead();
    return super.unref();
  }

  /** @internal */
  override attach(delivery: Delivery): void {
    // Not a listener of 'end': removing all listeners is the user's right.
    void delivery.ended.then(() => this.#finish());
    super.attach(delivery);
  }

  /** Stops the subscription; what is unread is dropped. `break` in a `for await` calls it. */
  return(): Promise<IteratorResult<E, undefined>> {
    void this.stop();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Stops the subscription as {@link return} does, and rejects with `error`; nobody has to watch it. */
  throw(error?: unknown): Promise<IteratorResult<E, undefined>> {
    void this.stop();
    return unwatched(Promise.reject(error));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** @internal */
  override stopAt(endSequence: number): Promise<void> {
    const ended = super.stopAt(endSequence);
    if (endSequence === 0) this.#ready = undefined;
    // What was handed over counts as dealt with: its consumer may be the one who waits for the end.
    if (this.#ready === undefined) this.#letGo();
    return ended;
  }

  /**
   * The code that reads the value is what deals with the event: the body of a `for await`, or whoever awaits `next`. It
   * runs in an async context of its own, where nothing else would tell.
   */
  #handOut(envelope: E): IteratorYieldResult<E> {
    const { handling } = this.delivery;
    const result = {
      done: false as const,
      get value(): E {
        if (handling !== undefined) enterHandling(handling);
        return envelope;
      },
    };
    return Object.defineProperty(result, inspect.custom, { value: () => ({ done: false, value: envelope }) });
  }

  #letGo(): void {
    const release = this.#release;
    this.#release = undefined;
    release?.();
  }

  #holdWhileRead(): void {
    const holds = this.#readsHold && this.#waiters.length > 0;
    if (holds === this.#holds) return;
    this.#holds = holds;
    if (holds) this.#keepAlive.hold();
    else this.#keepAlive.release();
  }

  #settle(waiter: Waiter<E>, result: IteratorResult<E, undefined>): void {
    this.#holdWhileRead();
    waiter(result);
  }

  #finish(): void {
    this.#over = true;
    this.#ready = undefined;
    for (const waiter of this.#waiters.splice(0)) this.#settle(waiter, { done: true, value: undefined });
  }
}
