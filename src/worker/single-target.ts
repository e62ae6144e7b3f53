/** A target whose handler gets one event at a time: while its promise is pending, later events wait in a backlog. */
import type { ReceivedEnvelope } from '../envelope/received-envelope.js';
import { isPromiseLike, type ReportFailure, type Settled, Target } from './target.js';

export class SingleTarget extends Target {
  readonly #handle: (envelope: ReceivedEnvelope) => unknown;
  /** At most the rest of one batch. */
  readonly #backlog: { envelope: ReceivedEnvelope; position: number }[] = [];
  #next = 0;

  /** @param handle called with each event; a returned promise is awaited before the next one */
  constructor(joinSequence: number, handle: (envelope: ReceivedEnvelope) => unknown, report: ReportFailure) {
    super(joinSequence, report);
    this.#handle = handle;
  }

  override hand(envelope: ReceivedEnvelope, position: number, settled: Settled): void {
    if (this.busy) {
      this.#backlog.push({ envelope, position });
      return;
    }
    const pending = this.#call(envelope);
    if (pending === undefined) return;
    this.busy = true;
    this.heldPosition = position;
    this.heldSequence = envelope.sequence;
    this.#await(pending, envelope, settled);
  }

  override endBatch(): void {}

  /** Runs the handler. Returns its promise, if it gave one. */
  #call(envelope: ReceivedEnvelope): PromiseLike<unknown> | undefined {
    try {
      const result = this.#handle(envelope);
      if (isPromiseLike(result)) return result;
      this.delivered++;
    } catch (error) {
      this.fail(error, envelope);
    }
    return undefined;
  }

  #await(pending: PromiseLike<unknown>, envelope: ReceivedEnvelope, settled: Settled): void {
    Promise.resolve(pending).then(
      () => {
        this.delivered++;
        this.#drain(settled);
      },
      (error: unknown) => {
        this.fail(error, envelope);
        this.#drain(settled);
      },
    );
  }

  /** Goes on through the backlog until a handler is pending again or nothing is left. */
  #drain(settled: Settled): void {
    while (this.#next < this.#backlog.length) {
      const { envelope, position } = this.#backlog[this.#next++]!;
      if (!this.wants(envelope.sequence)) continue;
      this.heldPosition = position;
      this.heldSequence = envelope.sequence;
      const pending = this.#call(envelope);
      if (pending !== undefined) {
        settled(this);
        this.#await(pending, envelope, settled);
        return;
      }
    }
    this.#backlog.length = 0;
    this.#next = 0;
    this.becomeIdle(settled);
  }
}
