/** A target whose handler gets one event at a time: while its promise is pending, later events wait in a backlog. */
import type { ReceivedEnvelope } from '../../envelope/received-envelope.js';
import { pendingOutcome } from './outcome.js';
import { type ReportFailure, type Settled, Target } from './target.js';
import { turns } from './turns.js';

interface Waiting {
  readonly envelope: ReceivedEnvelope;
  readonly sequence: number;
  readonly position: number;
}

export class SingleTarget extends Target {
  readonly #handle: (envelope: ReceivedEnvelope) => unknown;
  /** At most the rest of one batch. */
  readonly #backlog: Waiting[] = [];
  #next = 0;
  #settled!: Settled;
  readonly #goOn = (): void => this.#drain();

  /** @param handle called with each event; a returned promise is awaited before the next one */
  constructor(joinSequence: number, handle: (envelope: ReceivedEnvelope) => unknown, report: ReportFailure) {
    super(joinSequence, report);
    this.#handle = handle;
  }

  /** Events that it has in hand, and that wait behind them. */
  get held(): number {
    if (!this.busy) return 0;
    return 1 + this.#backlog.slice(this.#next).filter(({ sequence }) => this.wants(sequence)).length;
  }

  override hand(envelope: ReceivedEnvelope, sequence: number, position: number, settled: Settled): void {
    if (this.busy) {
      this.#backlog.push({ envelope, sequence, position });
      return;
    }
    const pending = this.#call(envelope, sequence);
    if (pending === undefined) return;
    this.busy = true;
    this.#settled = settled;
    this.hold(sequence, position);
    void this.#await(pending, envelope);
  }

  override endBatch(): void {}

  /** Runs the handler. Returns its promise, if it gave one. */
  #call(envelope: ReceivedEnvelope, sequence: number): PromiseLike<unknown> | undefined {
    try {
      const pending = pendingOutcome(this.#handle(envelope));
      if (pending !== undefined) return pending;
      this.delivered++;
    } catch (error) {
      this.fail(error, envelope, sequence, 1);
    }
    return undefined;
  }

  async #await(pending: PromiseLike<unknown>, envelope: ReceivedEnvelope): Promise<void> {
    try {
      await pending;
      this.delivered++;
    } catch (error) {
      this.fail(error, envelope, this.heldSequence, 1);
    }
    this.#drain();
  }

  /** Goes on through the backlog until a handler is pending again, the turn is spent, or nothing is left. */
  #drain(): void {
    while (this.#next < this.#backlog.length) {
      if (turns.spent()) {
        turns.add(this.#goOn);
        return;
      }
      const { envelope, sequence, position } = this.#backlog[this.#next++]!;
      if (!this.wants(sequence)) continue;
      this.hold(sequence, position);
      const pending = this.#call(envelope, sequence);
      if (pending !== undefined) {
        this.#settled(this);
        void this.#await(pending, envelope);
        return;
      }
    }
    this.#backlog.length = 0;
    this.#next = 0;
    this.becomeIdle(this.#settled);
  }
}
