/** Delivery to a handler on the thread of the bus. */
import type { ReceivedEnvelope } from '../envelope/envelope.js';
import type { CompiledFilter } from '../topic/filter.js';
import type { FilterHandle } from '../topic/filter-index.js';
import { SingleTarget } from '../worker/single-target.js';
import type { ReportFailure, Target } from '../worker/target.js';
import { captureContext, currentHandling } from './handling.js';
import type { LocalReader } from './local-reader.js';
import type { Delivery, DeliveryCounts } from './subscription.js';

export class HandlerDelivery implements Delivery {
  readonly thread = 'bus';
  readonly ready = Promise.resolve();
  readonly ended: Promise<void>;
  /** Resolves when {@link standAside} was called. */
  readonly aside: Promise<void>;
  isAside = false;
  readonly target: Target;
  readonly #reader: LocalReader;
  readonly #handle: FilterHandle;
  readonly #backlogBytes: () => number;
  readonly #onRemoved: () => void;
  #removed = false;
  #resolveEnded!: () => void;
  #resolveAside!: () => void;

  /**
   * @param handler called in the async context of the caller of this constructor
   * @param backlogBytes what the reader holds of the ring
   * @param onRemoved no event will be handed to the handler any more
   */
  constructor(
    reader: LocalReader,
    filter: CompiledFilter,
    joinSequence: number,
    handler: (envelope: ReceivedEnvelope) => unknown,
    report: ReportFailure,
    backlogBytes: () => number,
    onRemoved: () => void,
  ) {
    this.#reader = reader;
    this.#onRemoved = onRemoved;
    this.#backlogBytes = backlogBytes;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.aside = new Promise((resolve) => {
      this.#resolveAside = resolve;
    });
    const context = captureContext(this);
    this.target = new SingleTarget(
      joinSequence,
      (envelope) => context.runInAsyncScope(handler, undefined, envelope),
      report,
    );
    this.#handle = reader.add(filter, this.target);
  }

  get joinSequence(): number {
    return this.target.joinSequence;
  }

  get reader(): number {
    return this.#reader.reader;
  }

  get endSequence(): number {
    return this.target.endSequence;
  }

  get owedFrom(): number {
    return this.target.busy ? this.target.heldPosition : this.#reader.position;
  }

  /** Its handler waits for the others to be done: they, and those who wait for all, go on although it is pending. */
  standAside(): void {
    this.isAside = true;
    this.#reader.passBy(this.target);
    this.#resolveAside();
  }

  stop(endSequence: number): void {
    if (this.#removed) return;
    this.target.endSequence = Math.min(this.target.endSequence, endSequence);
    if (this.target.endSequence <= this.target.joinSequence) this.#remove();
    else this.#reader.drain(this.target, () => this.#remove());
  }

  destroy(): void {
    this.#remove();
    this.#resolveEnded();
  }

  counts(): DeliveryCounts {
    const { delivered, failed } = this.target;
    const { scanned, rescued } = this.#reader;
    return { delivered, failed, scanned, rescued, backlogBytes: this.#backlogBytes() };
  }

  #remove(): void {
    if (this.#removed) return;
    this.#removed = true;
    this.#onRemoved();
    this.#reader.remove(this.#handle, this.target);
    const settle = (): void => {
      if (this.target.busy) this.target.onIdle = this.#resolveEnded;
      else this.#resolveEnded();
    };
    // In its own handler: only when that has returned is it known whether it is pending.
    if (currentHandling() === this) queueMicrotask(settle);
    else settle();
  }
}
