/** A target whose handler gets all that it wants of a batch at once, as an array. */
import type { ReceivedEnvelope } from '../envelope/received-envelope.js';
import { isPromiseLike, type ReportFailure, type Settled, Target } from './target.js';

export class BatchTarget extends Target {
  readonly #handleBatch: (envelopes: readonly ReceivedEnvelope[]) => unknown;
  #collected: ReceivedEnvelope[] = [];

  /** @param handleBatch called with a fresh, non-empty array; a returned promise is awaited before the next batch */
  constructor(
    joinSequence: number,
    handleBatch: (envelopes: readonly ReceivedEnvelope[]) => unknown,
    report: ReportFailure,
  ) {
    super(joinSequence, report);
    this.#handleBatch = handleBatch;
  }

  override hand(envelope: ReceivedEnvelope, position: number): void {
    if (!this.busy) {
      this.busy = true;
      this.heldPosition = position;
      this.heldSequence = envelope.sequence;
    }
    this.#collected.push(envelope);
  }

  override endBatch(settled: Settled): void {
    const envelopes = this.#collected;
    if (envelopes.length === 0) return;
    this.#collected = [];
    // A subscription that was stopped since they were collected starts no handler any more.
    if (!this.active) {
      this.becomeIdle(settled);
      return;
    }
    const done = (): void => {
      this.delivered += envelopes.length;
      this.becomeIdle(settled);
    };
    const failed = (error: unknown): void => {
      // Which event of the batch is to blame is not known: the report names the first, the count takes all.
      this.fail(error, envelopes[0]!, envelopes.length);
      this.becomeIdle(settled);
    };
    try {
      const result = this.#handleBatch(envelopes);
      if (isPromiseLike(result)) Promise.resolve(result).then(done, failed);
      else done();
    } catch (error) {
      failed(error);
    }
  }
}
