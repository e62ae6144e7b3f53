/**
 * The statistics of a bus as another thread sees them: what its own thread last told, with what shared memory says now. That
 * also holds while the bus's thread is blocked, and while it publishes without ever returning to its event loop.
 */
import { monotonicMs } from '../../host/timing.js';
import { AtomicCells } from '../../memory/cells.js';
import { distance } from '../../memory/position.js';
import { CountersView, EVICTIONS, WAKES } from '../../publish/owner-counters.js';
import { nameOfReader } from '../../publish/readers.js';
import * as control from '../../ring/control-descriptor.js';
import { loadCounts, NO_COUNTS, type ReaderCounts } from '../../ring/reader-counters.js';
import { UNIT_BYTES } from '../../ring/record-descriptor.js';
import { OWNER_SLOT } from '../../ring/uplink-descriptor.js';
import type {
  Sample,
  SampledSubscription,
  ServedConnection,
  ServedSubscription,
  ServingStart,
  Snapshot,
  ToServer,
} from './protocol.js';

/** A reader's slot, as of one look at all of them. */
interface ReaderLook {
  state: number;
  asleep: boolean;
  released: number;
  backlogBytes: number;
  /** Since when it has not moved although something is unread. */
  sinceMs: number;
}

export class LiveStats {
  readonly #cells: AtomicCells;
  readonly #counters: CountersView;
  readonly #readers: ReaderLook[] = [];
  readonly #subscriptions = new Map<number, ServedSubscription>();
  /** What the threads of subscriptions counted at the last look. */
  #counted: ReadonlyMap<number, ReaderCounts> = new Map();
  #snapshot!: Snapshot;

  constructor({ control: cells, counters, snapshot }: ServingStart) {
    this.#cells = new AtomicCells(cells);
    this.#counters = new CountersView(counters);
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
    const moved: boolean[] = [];
    for (let reader = 0; reader < control.MAX_READERS; reader++) {
      const slot = control.slotOf(reader);
      const state = this.#cells.load(slot + control.STATE);
      const asleep = this.#cells.load(slot + control.WAKE) === control.ASLEEP;
      const released = this.#cells.load(slot + control.RELEASED);
      moved[reader] = this.#readers[reader]?.released !== released;
      this.#readers[reader] ??= { state, asleep, released, backlogBytes: 0, sinceMs: nowMs };
      Object.assign(this.#readers[reader]!, { state, asleep, released });
    }
    // Behind the positions, of which none is ahead of it then; and one for all: what is said of readers agrees.
    const tail = this.#cells.load(control.TAIL);
    const { capacityBytes } = this.#snapshot.stats.ring;
    for (const [reader, look] of this.#readers.entries()) {
      const isBehind = look.state !== control.FREE && distance(tail, look.released) > 0;
      // What was overwritten is not there to be read.
      look.backlogBytes = isBehind ? Math.min(distance(tail, look.released) * UNIT_BYTES, capacityBytes) : 0;
      if (moved[reader] || !isBehind) look.sinceMs = nowMs;
    }
  }

  take(): Sample['stats'] {
    this.look();
    const { stats } = this.#snapshot;
    // Before what the owner counts, which is never behind by more than it writes in one go.
    const counted = new Map([...this.#subscriptions].map(([id, subscription]) => [id, this.#counts(subscription)]));
    const connections = this.#snapshot.connections.map(sampledConnection);
    const { published, unwanted, written, refused, pending } = this.#counters.take();
    // Nobody has read what is not counted as written: who has is seen as at the look before.
    for (const [id, { scanned }] of counted) if (scanned > written) counted.set(id, this.#counted.get(id) ?? NO_COUNTS);
    this.#counted = counted;
    const subscriptions = [...this.#subscriptions.values()].map((subscription) => this.#sampled(subscription));
    const holder = this.#holder();
    return {
      ...stats,
      published,
      unwanted,
      written,
      refused,
      pending,
      ring: {
        capacityBytes: stats.ring.capacityBytes,
        usedBytes: holder < 0 ? 0 : this.#readers[holder]!.backlogBytes,
        heldBy: holder < 0 ? undefined : this.#describe(holder),
        // Whoever waits in the queue waits for the holder.
        stalledMs: pending.events > 0 ? Math.max(stats.ring.stalledMs, this.#stuckMs(holder)) : stats.ring.stalledMs,
      },
      wakes: Math.max(stats.wakes, this.#counters.at(WAKES)),
      rescued: subscriptions.reduce((sum, { rescued }) => sum + rescued, 0),
      evictions: Math.max(stats.evictions, this.#counters.at(EVICTIONS)),
      subscriptions,
      connections,
    };
  }

  #sampled({ id, reader, gates, stats: told }: ServedSubscription): SampledSubscription {
    const { scanned, delivered, failed, rescued } = this.#counted.get(id)!;
    const stats = {
      ...told,
      scanned: Math.max(told.scanned, scanned),
      delivered: Math.max(told.delivered, delivered),
      failed: Math.max(told.failed, failed),
      rescued: Math.max(told.rescued, rescued),
    };
    const look = this.#readers[reader];
    if (look === undefined || look.state === control.FREE) return { ...stats, stuckMs: 0 };
    const { asleep, backlogBytes, state } = look;
    return {
      ...stats,
      evicted: stats.evicted || (gates && state === control.LOSSY),
      backlogBytes,
      asleep,
      stuckMs: asleep || backlogBytes === 0 ? 0 : this.#stuckMs(reader),
    };
  }

  /** What a thread of its own counts in shared memory. What it lost is told by messages: as the bus's thread knows it. */
  #counts({ reader, stats }: ServedSubscription): ReaderCounts {
    const isRead = stats.thread === 'own' && (this.#readers[reader]?.state ?? control.FREE) !== control.FREE;
    return isRead ? loadCounts(this.#cells, reader) : NO_COUNTS;
  }

  /** The reader that gates and is furthest behind; -1: none is behind. */
  #holder(): number {
    let holder = -1;
    let most = 0;
    for (const [reader, { state, backlogBytes }] of this.#readers.entries()) {
      if (state !== control.GATING || backlogBytes <= most) continue;
      most = backlogBytes;
      holder = reader;
    }
    return holder;
  }

  #describe(reader: number): string {
    const names = [...this.#subscriptions.values()].filter((one) => one.reader === reader);
    return names.length === 0 ? 'no reader' : nameOfReader(...names.map(({ stats }) => stats.name));
  }

  #stuckMs(reader: number): number {
    const look = this.#readers[reader];
    return look === undefined ? 0 : Math.round(monotonicMs() - look.sinceMs);
  }
}

/** What the thread of a connection counts, and what lies in its uplink. What was taken over is as the bus's thread knows it. */
function sampledConnection({ stats, counters, uplink }: ServedConnection): Sample['stats']['connections'][number] {
  const { published, unwanted, refused, pending, pendingMs } = new CountersView(counters).take();
  const cells = new AtomicCells(uplink);
  const released = cells.load(control.slotOf(OWNER_SLOT) + control.RELEASED);
  const uplinkBytes = Math.max(0, distance(cells.load(control.TAIL), released)) * UNIT_BYTES;
  return { ...stats, published, unwanted, refused, pending: pending.events, pendingMs, uplinkBytes };
}
