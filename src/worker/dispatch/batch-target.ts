/** A target whose handler gets all that it wants of a batch at once, as an array. */
import type { ReceivedEnvelope } from '../../envelope/received-envelope.js';
import { pendingOutcome } from './outcome.js';
import { type ReportFailure, type Settled, Target } from './target.js';

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

  override hand(envelope: ReceivedEnvelope, sequence: number, position: number): void {
    if (!this.busy) {
      this.busy = true;
      this.hold(sequence, position);
    }
    this.#collected.push(envelope);
  }

  override endBatch(settled: Settled): void {
    const envelopes = this.#collected;
    // Pending since an earlier call.
    if (envelopes.length === 0) return;
    this.#collected = [];
    // A subscription that was stopped since they were collected starts no handler any more.
    if (this.active) void this.#handle(envelopes, settled);
    else this.becomeIdle(settled);
  }

  async #handle(envelopes: ReceivedEnvelope[], settled: Settled): Promise<void> {
    // The array is the handler's from now on, to do with as it likes.
    const count = envelopes.length;
    const first = envelopes[0]!;
    try {
      const pending = pendingOutcome(this.#handleBatch(envelopes));
      if (pending !== undefined) await pending;
      this.delivered += count;
    } catch (error) {
      // Which event of the batch is to blame is not known: the report names the first, the count takes all.
      this.fail(error, first, this.heldSequence, count);
    }
    this.becomeIdle(settled);
  }
}
