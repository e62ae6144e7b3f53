/** Delivery to a handler on the thread of the bus. */
import type { EventEmitter } from 'node:events';
import { handleTracing } from '../channels/channels.js';
import type { Envelope } from '../envelope/envelope.js';
import type { ReceivedEnvelope } from '../envelope/received-envelope.js';
import { queueMicrotask } from '../host/timing.js';
import { captureContext, currentHandlings, type EventHolder, Handling } from '../publish/handling.js';
import type { RingMemory } from '../ring/ring-memory.js';
import type { CompiledFilter } from '../topic/filter.js';
import { type FilterFrom, FilterTimeline } from '../worker/dispatch/filter-timeline.js';
import { type SequenceRange, scannedFor } from '../worker/dispatch/lag.js';
import { SingleTarget } from '../worker/dispatch/single-target.js';
import type { ReportFailure } from '../worker/dispatch/target.js';
import { traceHandler } from '../worker/dispatch/traced-handler.js';
import type { Delivery, Selection } from './delivery.js';
import type { LocalReader, LocalReaderEvents } from './local-reader.js';
import { type DeliveryCounts, NO_READER, type ReaderView } from './subscription-stats.js';

/** Called with each event; a returned promise is awaited before the next one. */
export type Handler<E extends Envelope = Envelope> = (envelope: E) => unknown;

/** What a handler delivery needs of the bus. */
export interface HandlerDeliveryEvents extends LocalReaderEvents {
  readonly bus: EventEmitter;
  readonly report: ReportFailure;
  /** No event will be handed to the handler any more. */
  readonly onRemoved: () => void;
  readonly viewReader: () => ReaderView;
  /** See {@link RetainedRecords.goneBefore}. */
  readonly goneBefore: (position: number) => number;
}

export class HandlerDelivery implements Delivery, EventHolder {
  readonly thread = 'bus';
  readonly handling = new Handling(this);
  readonly isRestarting = false;
  readonly ready = Promise.resolve();
  readonly ended: Promise<void>;
  /** Resolves when {@link standAside} was called. */
  readonly aside: Promise<void>;
  isAside = false;
  readonly #target: SingleTarget;
  readonly #reader: LocalReader;
  readonly #filters: FilterTimeline;
  readonly #many: number;
  readonly #events: HandlerDeliveryEvents;
  #removed = false;
  #resolveEnded!: () => void;
  #resolveAside!: () => void;

  /**
   * @param many events after which the handler stops the subscription
   * @param handler called in the async context of the caller of this constructor
   */
  constructor(
    reader: LocalReader,
    { filter, exceptOrigins }: Selection,
    joinSequence: number,
    many: number,
    handler: Handler,
    events: HandlerDeliveryEvents,
  ) {
    this.#reader = reader;
    this.#events = events;
    this.#many = many;
    this.#filters = new FilterTimeline(filter);
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.aside = new Promise((resolve) => {
      this.#resolveAside = resolve;
    });
    void this.ended.then(() => this.handling.end());
    const context = captureContext(this.handling);
    const { bus, name } = events;
    const call = (envelope: ReceivedEnvelope): unknown =>
      handleTracing.hasSubscribers
        ? traceHandler({ bus, subscription: name, envelopes: [envelope] }, () => handler(envelope))
        : handler(envelope);
    const handle = (envelope: ReceivedEnvelope): unknown => {
      this.handling.takeUp();
      return context.runInAsyncScope(call, undefined, envelope);
    };
    this.#target = new SingleTarget(joinSequence, handle, events.report);
    this.#target.exceptOrigins = exceptOrigins;
    reader.add(filter, this.#target, events);
  }

  get joinSequence(): number {
    return this.#target.joinSequence;
  }

  get earlier(): readonly SequenceRange[] {
    return this.#target.earlier;
  }

  passBy(range: SequenceRange): void {
    this.#target.passBy(range);
  }

  get reader(): number {
    return this.#reader.reader;
  }

  get exceptOrigins(): ReadonlySet<number> {
    return this.#target.exceptOrigins;
  }

  get ring(): RingMemory {
    return this.#reader.ring;
  }

  get endSequence(): number {
    return this.#target.endSequence;
  }

  get limit(): number {
    return this.#many - this.#target.delivered - this.#target.failed;
  }

  get owedFrom(): number {
    return this.#reader.position;
  }

  get held(): number {
    return this.#target.held;
  }

  get heldPosition(): number | undefined {
    return this.#target.busy && !this.#removed && !this.isAside ? this.#target.heldPosition : undefined;
  }

  get isBusy(): boolean {
    return this.#target.busy;
  }

  get filters(): readonly FilterFrom[] {
    return this.#filters.entries;
  }

  setFilter(filter: CompiledFilter, fromSequence: number): void {
    const { busy, heldSequence } = this.#target;
    // What a handler that is pending for long has missed meanwhile, no filter decides any more.
    const goneBefore = this.#events.goneBefore(this.#reader.position);
    const settledSequence = busy ? heldSequence : this.#reader.nextSequence;
    this.#filters.change(fromSequence, filter, Math.max(settledSequence, goneBefore));
    this.#reader.changeFilter(this.#target, fromSequence, filter, goneBefore);
  }

  /** Its handler waits for the others to be done: they, and those who wait for all, go on although it is pending. */
  standAside(): void {
    this.isAside = true;
    this.#reader.passBy(this.#target, Number.MAX_SAFE_INTEGER);
    this.#resolveAside();
  }

  letPass(sequence: number): void {
    this.#reader.passBy(this.#target, sequence);
  }

  stop(endSequence: number): void {
    if (this.#removed) return;
    this.#target.endSequence = Math.min(this.#target.endSequence, endSequence);
    if (this.#target.endSequence <= this.#target.joinSequence) this.#remove();
    else this.#reader.drain(this.#target, () => this.#remove());
  }

  destroy(): void {
    this.#remove();
    this.#resolveEnded();
  }

  counts(): DeliveryCounts {
    const { delivered, failed, lagged } = this.#target;
    const { nextSequence, rescued } = this.#reader;
    const scanned = scannedFor(this.#target, nextSequence);
    // Removed, it holds nothing; the slot may be another reader's.
    const view = this.#removed ? NO_READER : this.#events.viewReader();
    return { delivered, failed, scanned, lagged, rescued, ...view, restarts: 0, deadLetters: 0 };
  }

  #remove(): void {
    if (this.#removed) return;
    this.#removed = true;
    this.#events.onRemoved();
    this.#reader.remove(this.#target);
    const settle = (): void => {
      if (this.#target.busy) this.#target.onIdle = this.#resolveEnded;
      else this.#resolveEnded();
    };
    // In its own handler: only when that has returned is it known whether it is pending.
    if (currentHandlings().includes(this.handling)) queueMicrotask(settle);
    else settle();
  }
}
