/**
 * Envelopes for who reads a batch in passing: its events are shown one after another, and seen through views.
 *
 * *Why more views than one.* With a single one, what a handler has kept of an event would show the next one without a word. A
 * view is used again only after more others than a batch has events; until then, and at any time between two turns, it throws.
 */

import type { DeepReadonly, Envelope } from '../../envelope/envelope.js';
import { sendAnotherWay } from '../../envelope/envelope-source.js';
import { ViewExpiredError } from '../../errors.js';

/** More than records fit in the memory of a batch, the smallest with 96 bytes. */
const VIEWS = 1024;

const inspectCustom: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;

/**
 * The events of one batch, in order, for `for … of`. Each is a view that counts until the next one is taken; all are over when
 * the handler has settled. A view that is used later throws `BUS_VIEW_EXPIRED`: keep `view.detach()`, or what you read.
 *
 * One loop at a time: a second one ends the turn of the first one's view.
 */
export interface EnvelopeViews<E = unknown, Read = DeepReadonly<E>> extends Iterable<Envelope<E, Read>> {
  /** How many events; at least one. */
  readonly length: number;
}

/** Events that are shown one at a time. What is read of each without an envelope is overridden. */
export abstract class ShownEvents {
  abstract readonly length: number;
  /** Of the event that is shown. */
  abstract readonly envelope: Envelope;

  /** Shows the event with that index. */
  abstract show(index: number): void;

  get topic(): string {
    return this.envelope.topic;
  }

  get sequence(): number {
    return this.envelope.sequence;
  }

  get payload(): Uint8Array {
    return this.envelope.payload;
  }

  get redelivered(): boolean {
    return this.envelope.redelivered;
  }
}

/** The views of one subscription, and which of them has its turn. */
export class ViewPool {
  current: EnvelopeView | undefined;
  /** What the current view shows one event of. */
  events: ShownEvents | undefined;
  readonly #views: EnvelopeView[] = [];
  #next = 0;

  /** Ends the turn of the current view, and begins that of another. */
  turn(events: ShownEvents): EnvelopeView {
    const next = this.#next;
    this.#next = (next + 1) % VIEWS;
    if (next === this.#views.length) this.#views.push(new EnvelopeView(this));
    this.events = events;
    this.current = this.#views[next]!;
    return this.current;
  }

  end(): void {
    this.current = undefined;
    this.events = undefined;
  }
}

export class ViewsOfBatch implements EnvelopeViews {
  readonly #events: ShownEvents;
  readonly #pool: ViewPool;
  #closed = false;

  constructor(events: ShownEvents, pool: ViewPool) {
    this.#events = events;
    this.#pool = pool;
  }

  get length(): number {
    return this.#events.length;
  }

  /** Ends the turn of the last view, for good. */
  close(): void {
    this.#closed = true;
    this.#pool.end();
  }

  [Symbol.iterator](): Iterator<Envelope> {
    if (this.#closed) throw new ViewExpiredError();
    return new Walk(this.#events, this.#pool, () => this.#closed);
  }
}

/** A loop along the events of a batch. */
class Walk implements Iterator<Envelope> {
  readonly #events: ShownEvents;
  readonly #pool: ViewPool;
  readonly #isOver: () => boolean;
  readonly #length: number;
  #next = 0;
  /** Given again and again: a loop looks at it once. */
  readonly #result: { done: boolean; value: Envelope | undefined } = { done: false, value: undefined };

  constructor(events: ShownEvents, pool: ViewPool, isOver: () => boolean) {
    this.#events = events;
    this.#pool = pool;
    this.#isOver = isOver;
    this.#length = events.length;
  }

  next(): IteratorResult<Envelope> {
    if (this.#next >= this.#length || this.#isOver()) return this.return();
    this.#events.show(this.#next++);
    this.#result.value = this.#pool.turn(this.#events);
    return this.#result as IteratorYieldResult<Envelope>;
  }

  return(): IteratorReturnResult<undefined> {
    this.#next = this.#length;
    this.#pool.end();
    return { done: true, value: undefined };
  }
}

class EnvelopeView implements Envelope {
  readonly #pool: ViewPool;
  /** A property that structured cloning sees, so that it fails. */
  readonly notCloneable = sendAnotherWay;

  constructor(pool: ViewPool) {
    this.#pool = pool;
  }

  get #shown(): ShownEvents {
    const { current, events } = this.#pool;
    if (current !== this) throw new ViewExpiredError();
    return events!;
  }

  get topic(): string {
    return this.#shown.topic;
  }

  get namespace(): string {
    return this.#shown.envelope.namespace;
  }

  get timestamp(): bigint {
    return this.#shown.envelope.timestamp;
  }

  get sequence(): number {
    return this.#shown.sequence;
  }

  get typeUrl(): string {
    return this.#shown.envelope.typeUrl;
  }

  get traceparent(): string | undefined {
    return this.#shown.envelope.traceparent;
  }

  get origin(): string | undefined {
    return this.#shown.envelope.origin;
  }

  get event(): unknown {
    return this.#shown.envelope.event;
  }

  get payload(): Uint8Array {
    return this.#shown.payload;
  }

  get redelivered(): boolean {
    return this.#shown.redelivered;
  }

  get lagged(): number {
    return this.#shown.envelope.lagged;
  }

  toBinary(): Uint8Array {
    return this.#shown.envelope.toBinary();
  }

  detach(): Envelope {
    return this.#shown.envelope.detach();
  }

  toJSON(): unknown {
    return (this.#shown.envelope as Envelope & { toJSON(): unknown }).toJSON();
  }

  [inspectCustom](depth: number, options: object, inspect: (value: unknown, options: object) => string): string {
    if (this.#pool.current !== this) return 'Envelope (its turn is over)';
    const shown = this.#shown.envelope as unknown as {
      [inspectCustom](d: number, o: object, i: typeof inspect): string;
    };
    return shown[inspectCustom](depth, options, inspect);
  }
}
