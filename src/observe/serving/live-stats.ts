/**
 * The statistics of a bus as another thread sees them: what its own thread last told, with what shared memory says now. That
 * also holds while the bus's thread is blocked, and while it publishes without ever returning to its event loop.
 */
import { monotonicMs } from '../../host/timing.js';
import { AtomicCells } from '../../memory/cells.js';
import { distance } from '../../memory/position.js';
import * as counters from '../../publish/owner-counters.js';
import { nameOfReader } from '../../publish/readers.js';
import * as control from '../../ring/control-descriptor.js';
import { loadCounts } from '../../ring/reader-counters.js';
import { UNIT_BYTES } from '../../ring/record-descriptor.js';
import type { SubscriptionStats } from '../../subscribe/subscription-stats.js';
import type { Sample, SampledSubscription, ServedSubscription, ServingStart, Snapshot, ToServer } from './protocol.js';

/** How long a reader's position has not changed. */
interface Standing {
  released: number;
  sinceMs: number;
}

export class LiveStats {
  readonly #cells: AtomicCells;
  readonly #counters: Float64Array;
  readonly #standing: Standing[] = [];
  readonly #subscriptions = new Map<number, ServedSubscription>();
  #snapshot!: Snapshot;

  constructor({ control: cells, counters: counts, snapshot }: ServingStart) {
    this.#cells = new AtomicCells(cells);
    this.#counters = new Float64Array(counts, 0, counts.byteLength / Float64Array.BYTES_PER_ELEMENT);
    this.hear({ kind: 'snapshot', snapshot });
  }

  /** The bus's thread told something. */
  hear(message: Exclude<ToServer, { kind: 'close' }>): void {
    if (message.kind === 'started') this.#subscriptions.set(message.subscription.id, message.subscription);
    else if (message.kind === 'ended') this.#subscriptions.delete(message.id);
    else {
      this.#snapshot = message.snapshot;
      this.#subscriptions.clear();
      for (const subscription of message.snapshot.subscriptions) this.#subscriptions.set(subscription.id, subscription);
    }
  }

  get closing(): Snapshot['closing'] {
    return this.#snapshot.closing;
  }

  /** Looks where the readers are. Called every now and then: how long one stands still is only known from that. */
  look(): void {
    const nowMs = monotonicMs();
    const tail = this.#cells.load(control.TAIL);
    for (let reader = 0; reader < control.MAX_READERS; reader++) {
      const released = this.#cells.load(control.slotOf(reader) + control.RELEASED);
      const standing = this.#standing[reader];
      if (standing === undefined) this.#standing[reader] = { released, sinceMs: nowMs };
      else if (standing.released !== released || released === tail)
        Object.assign(standing, { released, sinceMs: nowMs });
    }
  }

  take(): Sample['stats'] {
    this.look();
    const { stats } = this.#snapshot;
    const count = (index: number): number => this.#counters[index]!;
    const pending = { events: count(counters.PENDING_EVENTS), bytes: count(counters.PENDING_BYTES) };
    const accepted = count(counters.ACCEPTED);
    // Once: the bus's thread counts on meanwhile, and the fields of one sample agree.
    const unwanted = count(counters.UNWANTED);
    const holder = this.#holder();
    const holderStuckMs = holder < 0 ? 0 : this.#stuckMs(holder);
    return {
      ...stats,
      published: accepted + unwanted,
      unwanted,
      written: Math.max(stats.written, accepted - pending.events),
      refused: count(counters.REFUSED),
      pending,
      ring: {
        capacityBytes: stats.ring.capacityBytes,
        usedBytes: holder < 0 ? 0 : this.#backlogBytes(holder),
        heldBy: holder < 0 ? undefined : this.#describe(holder),
        // Whoever waits in the queue waits for the holder.
        stalledMs: pending.events > 0 ? Math.max(stats.ring.stalledMs, holderStuckMs) : stats.ring.stalledMs,
      },
      wakes: Math.max(stats.wakes, count(counters.WAKES)),
      evictions: Math.max(stats.evictions, count(counters.EVICTIONS)),
      subscriptions: [...this.#subscriptions.values()].map((subscription) => this.#sampled(subscription)),
    };
  }

  #sampled({ reader, stats }: ServedSubscription): SampledSubscription {
    if (reader < 0 || this.#stateOf(reader) === control.FREE) return { ...stats, stuckMs: 0 };
    const backlogBytes = this.#backlogBytes(reader);
    const asleep = this.#cells.load(control.slotOf(reader) + control.WAKE) === control.ASLEEP;
    return {
      ...stats,
      ...(stats.thread === 'own' && this.#counts(reader, stats)),
      backlogBytes,
      asleep,
      stuckMs: asleep || backlogBytes === 0 ? 0 : this.#stuckMs(reader),
    };
  }

  /** What a thread of its own counts in shared memory. What it lost is told by messages: as the bus's thread knows it. */
  #counts(reader: number, { scanned, delivered, failed }: SubscriptionStats): Partial<SubscriptionStats> {
    const counts = loadCounts(this.#cells, reader);
    return {
      scanned: Math.max(scanned, counts.scanned),
      delivered: Math.max(delivered, counts.delivered),
      failed: Math.max(failed, counts.failed),
    };
  }

  /** The reader that gates and is furthest behind; -1: none is behind. */
  #holder(): number {
    let holder = -1;
    let most = 0;
    for (let reader = 0; reader < control.MAX_READERS; reader++) {
      if (this.#stateOf(reader) !== control.GATING) continue;
      const backlogBytes = this.#backlogBytes(reader);
      if (backlogBytes <= most) continue;
      most = backlogBytes;
      holder = reader;
    }
    return holder;
  }

  #describe(reader: number): string {
    const names = [...this.#subscriptions.values()].filter((one) => one.reader === reader);
    return names.length === 0 ? 'no reader' : nameOfReader(...names.map(({ stats }) => stats.name));
  }

  #stateOf(reader: number): number {
    return this.#cells.load(control.slotOf(reader) + control.STATE);
  }

  #backlogBytes(reader: number): number {
    const released = this.#cells.load(control.slotOf(reader) + control.RELEASED);
    // After the position: a reader is never ahead of the tail that it has seen.
    return Math.max(0, distance(this.#cells.load(control.TAIL), released)) * UNIT_BYTES;
  }

  #stuckMs(reader: number): number {
    const standing = this.#standing[reader];
    return standing === undefined ? 0 : Math.round(monotonicMs() - standing.sinceMs);
  }
}
