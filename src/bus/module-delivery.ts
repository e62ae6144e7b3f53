/** Delivery to a module in a thread of its own. */
import type { ResourceLimits } from 'node:worker_threads';
import { HandlerError, SubscriptionEndedError } from '../errors.js';
import { FILTER_VERSION, RELEASED, slotOf, WAKE } from '../ring/control-descriptor.js';
import { loadCounts, storeCounts } from '../ring/reader-counters.js';
import type { RingMemory } from '../ring/ring-memory.js';
import { Supervisor } from '../worker/supervisor.js';
import type { Attachment } from '../worker/worker-protocol.js';
import { unwatched } from './report.js';
import type { Delivery, DeliveryCounts } from './subscription.js';

/** What a module delivery tells the bus. */
export interface ModuleDeliveryEvents {
  onError(error: Error): void;
  onRoom(): void;
  /** The thread has exited; its slot can be used again. */
  onExit(): void;
}

export class ModuleDelivery implements Delivery {
  readonly thread = 'own';
  readonly reader: number;
  readonly joinSequence: number;
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
  endSequence = Number.MAX_SAFE_INTEGER;
  readonly #memory: RingMemory;
  readonly #supervisor: Supervisor;
  readonly #backlogBytes: () => number;
  readonly #dedicated: boolean;
  #final: DeliveryCounts | undefined;

  constructor(
    attachment: Omit<Attachment, 'port'>,
    resourceLimits: ResourceLimits | undefined,
    memory: RingMemory,
    events: ModuleDeliveryEvents,
    backlogBytes: () => number,
  ) {
    this.reader = attachment.reader;
    this.joinSequence = attachment.joinSequence;
    this.#memory = memory;
    this.#dedicated = attachment.loop === 'dedicated';
    this.#backlogBytes = backlogBytes;
    // The slot may have had another reader.
    storeCounts(memory.cells, attachment.reader, { scanned: 0, delivered: 0, failed: 0, rescued: 0 });
    let onReady!: () => void;
    let onNeverReady!: (error: Error) => void;
    this.ready = unwatched(
      new Promise((resolve, reject) => {
        onReady = resolve;
        onNeverReady = reject;
      }),
    );
    let onEnded!: () => void;
    this.ended = new Promise((resolve) => {
      onEnded = resolve;
    });
    const { name } = attachment;
    this.#supervisor = new Supervisor(attachment, resourceLimits, {
      onReady,
      onRoom: events.onRoom,
      onHandlerFailure: (cause, topic, sequence) => events.onError(new HandlerError(name, topic, sequence, cause)),
      onEnd: (error) => {
        this.#final = { ...this.counts(), backlogBytes: 0 };
        events.onExit();
        onNeverReady(error ?? new SubscriptionEndedError(name, 'was stopped before it was ready'));
        if (error !== undefined) events.onError(error);
        onEnded();
      },
    });
  }

  /** Tells the thread that its reader was woken. */
  wake(): void {
    if (this.#dedicated) this.#notify();
    else this.#supervisor.wake();
  }

  get owedFrom(): number {
    return this.#memory.cells.load(slotOf(this.reader) + RELEASED);
  }

  stop(endSequence: number): void {
    this.endSequence = Math.min(this.endSequence, endSequence);
    this.#supervisor.stop(endSequence);
    // After the message: a thread that sees a record written after this call sees the version, and reads the message first.
    this.#memory.cells.add(slotOf(this.reader) + FILTER_VERSION, 1);
    if (this.#dedicated) this.#notify();
  }

  /** Ends the blocked wait of a dedicated loop, which then looks at its wake word and its port. */
  #notify(): void {
    this.#memory.cells.notify(slotOf(this.reader) + WAKE);
  }

  destroy(): void {
    void this.#supervisor.terminate();
  }

  counts(): DeliveryCounts {
    return this.#final ?? { ...loadCounts(this.#memory.cells, this.reader), backlogBytes: this.#backlogBytes() };
  }
}
