/** Delivery to a module in a thread of its own. */
import type { Readable } from 'node:stream';
import type { MessagePort } from 'node:worker_threads';
import { HandlerError, SubscriptionEndedError } from '../errors.js';
import { unwatched } from '../host/report.js';
import { FILTER_VERSION, HEARTBEAT, RELEASED, slotOf, WAKE } from '../ring/control-descriptor.js';
import { loadCounts, NO_COUNTS, storeCounts } from '../ring/reader-counters.js';
import type { RingWriter } from '../ring/ring-writer.js';
import type { CompiledFilter } from '../topic/filter.js';
import { type FilterFrom, FilterTimeline } from '../worker/dispatch/filter-timeline.js';
import type { LagRange, SequenceRange } from '../worker/dispatch/lag.js';
import type { SupervisedModule } from '../worker/supervision/life-errors.js';
import { nextLife, ToldLag } from '../worker/supervision/next-life.js';
import { Supervisor } from '../worker/supervision/supervisor.js';
import type { ThreadRun } from '../worker/supervision/thread-run.js';
import type { LifeStart } from '../worker/worker-protocol.js';
import type { Delivery } from './delivery.js';
import { type DeliveryCounts, NO_READER, type ReaderView } from './subscription-stats.js';

/** What a module delivery tells the bus. */
export interface ModuleDeliveryEvents {
  /** A thread has set the module up. */
  onReading(): void;
  /** Sequences from there on are not delivered. */
  onStopping(endSequence: number): void;
  onError(error: Error): void;
  onLagged(range: LagRange): void;
  onRestart(error: Error, delayMs: number): void;
  /** @returns the sequence of what was published about it; -1: nothing */
  onDeadLetter(sequence: number, deaths: number, error: Error): number;
  onRoom(): void;
  onConnected(hello: object, port: MessagePort): void;
  /** Nothing more is delivered, although the thread may go on for a while: it was stopped at once, or has handled all. */
  onLetGo(): void;
  /** The thread has exited; its slot can be used again. */
  onExit(counts: DeliveryCounts): void;
}

export class ModuleDelivery implements Delivery {
  readonly thread = 'own';
  readonly connection: string | undefined;
  readonly reader: number;
  readonly joinSequence: number;
  readonly earlier: readonly SequenceRange[];
  readonly exceptOrigins: ReadonlySet<number>;
  readonly limit = Number.POSITIVE_INFINITY;
  /** What the thread has in hand, it has not released. */
  readonly held = 0;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
  endSequence = Number.MAX_SAFE_INTEGER;
  readonly #name: string;
  readonly #filters: FilterTimeline;
  readonly #writer: RingWriter;
  readonly #events: ModuleDeliveryEvents;
  readonly #supervisor: Supervisor;
  readonly #viewReader: () => ReaderView;
  readonly #dedicated: boolean;
  #hasPassed = false;
  #restarts = 0;
  #deadLetters = 0;
  readonly #told = new ToldLag();
  #final: DeliveryCounts | undefined;

  constructor(
    module: SupervisedModule,
    filter: CompiledFilter,
    start: LifeStart,
    run: ThreadRun,
    writer: RingWriter,
    events: ModuleDeliveryEvents,
    viewReader: () => ReaderView,
    connection: string | undefined,
  ) {
    this.connection = connection;
    this.reader = module.reader;
    this.joinSequence = module.joinSequence;
    this.earlier = module.earlier;
    this.exceptOrigins = module.exceptOrigins;
    this.#writer = writer;
    this.#events = events;
    this.#dedicated = module.loop === 'dedicated';
    this.#viewReader = viewReader;
    this.stdout = run.printed.stdout;
    this.stderr = run.printed.stderr;
    // The slot may have had another reader.
    storeCounts(writer.memory.cells, module.reader, NO_COUNTS);
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
    const { name } = module;
    this.#name = name;
    this.#filters = new FilterTimeline(filter);
    const records = {
      inHand: () => writer.gate.inHand(this.reader),
      heartbeat: () => writer.memory.cells.load(slotOf(this.reader) + HEARTBEAT),
      settledUntil: () => writer.gate.nextSequence(this.reader),
      nextLife: (skips: readonly number[]) => nextLife(writer, this.reader, this.#told, skips),
    };
    this.#supervisor = new Supervisor(module, this.#filters, start, run, records, {
      onReady: () => {
        onReady();
        events.onReading();
      },
      onRoom: events.onRoom,
      onConnection: (news) => {
        if (news.kind === 'connected') {
          events.onConnected(news.hello, news.port);
          return;
        }
        const wasLetGo = this.#isLetGo;
        this.#hasPassed = true;
        if (!wasLetGo) events.onLetGo();
      },
      onLagged: (gaps) => {
        this.#told.add(gaps);
        events.onLagged(gaps.range);
      },
      onHandlerFailure: (cause, topic, sequence, leftOut) =>
        events.onError(new HandlerError(name, topic, sequence, cause, leftOut)),
      onRestart: (error, delayMs) => {
        this.#restarts++;
        events.onRestart(error, delayMs);
      },
      onDeadLetter: (sequence, deaths, error) => {
        this.#deadLetters++;
        return [sequence, events.onDeadLetter(sequence, deaths, error)];
      },
      onEnd: (error) => {
        this.#final = { ...this.counts(), ...NO_READER };
        run.printed.end();
        events.onExit(this.#final);
        onNeverReady(
          error ?? new SubscriptionEndedError(name, 'was stopped before its thread was ready; subscribe again'),
        );
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

  /** Somebody waits for what the reader holds. */
  restartNow(): boolean {
    return this.#supervisor.restartNow();
  }

  get isRestarting(): boolean {
    return this.#restarts > 0 && !this.#supervisor.isReading;
  }

  /** Whether its thread was set up once, and is being started again. */
  get isComingBack(): boolean {
    return this.#supervisor.isComingBack;
  }

  get owedFrom(): number {
    return this.#writer.memory.cells.load(slotOf(this.reader) + RELEASED);
  }

  get filters(): readonly FilterFrom[] {
    return this.#filters.entries;
  }

  passBy(range: SequenceRange): void {
    this.#supervisor.passBy(range);
    this.#changed();
  }

  setFilter(filter: CompiledFilter, fromSequence: number): void {
    // Listeners hear why it ended before it counts as ended; the slot may be somebody else's by then.
    if (this.#final !== undefined) throw new SubscriptionEndedError(this.#name, 'has ended; subscribe again');
    const { retained } = this.#writer;
    // What is gone from the ring is delivered by no life any more.
    const { sequence = retained.seek(0).sequence } = retained.placeOf(this.reader);
    this.#filters.change(fromSequence, filter, sequence);
    this.#supervisor.filterChanged();
    this.#changed();
  }

  stop(endSequence: number): void {
    if (this.#final !== undefined) return;
    // An end that was said before stays: the next life must not go on beyond it.
    this.endSequence = Math.min(this.endSequence, endSequence);
    this.#events.onStopping(this.endSequence);
    if (!this.#supervisor.stop(this.endSequence)) return;
    // Between two lives it ends at once, and the slot may be somebody else's.
    if (this.#final !== undefined) return;
    this.#changed();
    // A thread that finds itself overtaken because of this reads of the stop before it routes, and tells of no loss.
    if (this.#isLetGo) this.#events.onLetGo();
  }

  /** After the message: a thread that sees a record written after this call sees the version, and reads the message first. */
  #changed(): void {
    this.#writer.memory.cells.add(slotOf(this.reader) + FILTER_VERSION, 1);
    if (this.#dedicated) this.#notify();
  }

  /** Whether it is owed nothing: it was stopped at once, or has handled all. */
  get #isLetGo(): boolean {
    return this.#hasPassed || this.endSequence <= this.joinSequence;
  }

  /** Takes what the thread has said: what it publishes was accepted only after it had said that it connects. */
  hear(): void {
    this.#supervisor.hear();
  }

  destroy(): void {
    this.#supervisor.terminate();
  }

  counts(): DeliveryCounts {
    if (this.#final !== undefined) return this.#final;
    const counts = loadCounts(this.#writer.memory.cells, this.reader);
    // What the thread has counted and not told yet is told soon, or by the next life.
    const lagged = this.#told.count;
    const scanned = counts.scanned + counts.lagged - lagged;
    const restarts = this.#restarts;
    const deadLetters = this.#deadLetters;
    // Stopped at once, it holds nothing.
    const view = this.#isLetGo ? NO_READER : this.#viewReader();
    return { ...counts, scanned, lagged, restarts, deadLetters, ...view };
  }

  /** Ends the blocked wait of a dedicated loop, which then looks at its wake word and its port. */
  #notify(): void {
    this.#writer.memory.cells.notify(slotOf(this.reader) + WAKE);
  }
}
