/** The threads of subscriber modules: each with a reader's slot, and all together with a budget for waiting awake. */
import { reportError } from '../host/report.js';
import { nameOfReader } from '../publish/readers.js';
import { NO_COUNTS } from '../ring/reader-counters.js';
import { PrintedOutput } from '../worker/supervision/printed-output.js';
import { RestartPolicy } from '../worker/supervision/restart-policy.js';
import { PISCINA } from '../worker/supervision/thread-run.js';
import { type DeadLetterReport, publishDeadLetter } from './dead-letters.js';
import type { Selection } from './delivery.js';
import { type HandedOver, handOver } from './handed-over.js';
import { ModuleDelivery, type ModuleDeliveryEvents } from './module-delivery.js';
import type { ReaderSlots } from './reader-slots.js';
import { findStart, type Start } from './replay.js';
import type { CheckedModuleOptions } from './subscribe-options.js';
import type { SubscribingParts } from './subscribing-parts.js';
import type { Subscription } from './subscription.js';
import type { DeliveryCounts } from './subscription-stats.js';
import { tellDeadLetter, tellError, tellEvicted, tellLagged, tellRestart } from './tell.js';

/** Longest wait awake before a dedicated thread sleeps: a few times what a wake takes to arrive. */
const MAX_SPIN_US = 100;

/** What the connection that a module is subscribed for is told, beside the events of the subscription. None may throw. */
export interface ModuleWatch {
  /** Name of the connection. */
  readonly connection: string;
  /** A thread has set the module up, the first one or one that was started again. */
  onReading(): void;
  /** An event was skipped that killed the thread again and again. */
  onDeadLetter(report: DeadLetterReport): void;
  /** It ends at that sequence, or at a lower one that is told later. */
  onStopping(endSequence: number): void;
  /** Nothing more is delivered, although the thread may go on for a while. */
  onLetGo(): void;
  /** The thread has exited. Called before its slot can be another's. */
  onExit(counts: DeliveryCounts): void;
}

export class ModuleThreads {
  readonly #parts: SubscribingParts;
  readonly #slots: ReaderSlots;
  #running = 0;

  constructor(parts: SubscribingParts, slots: ReaderSlots) {
    this.#parts = parts;
    this.#slots = slots;
  }

  /**
   * Starts the thread of a subscription.
   *
   * @throws {CannotStartThreadError} `BUS_CANNOT_START_THREAD`
   * @throws {InvalidOptionError} `BUS_INVALID_OPTION` when only Node can tell that an option is wrong
   */
  start(
    subscription: Subscription,
    selection: Selection,
    moduleUrl: string,
    options: CheckedModuleOptions,
    watch?: ModuleWatch,
  ): ModuleDelivery {
    // Before what is given away.
    this.#slots.checkFree();
    const given = handOver(options.data, options.thread.transferList ?? []);
    const start = findStart(this.#parts, options.from, selection);
    const { topics } = this.#parts;
    const reader = this.#slots.take(options.delivery ?? 'lossless', start);
    let delivery: ModuleDelivery;
    try {
      topics.want(subscription, selection.filter, { reader, exceptOrigins: selection.exceptOrigins });
      delivery = this.#deliver(subscription, selection, moduleUrl, given, options, start, reader, watch);
    } catch (error) {
      topics.unwant(subscription);
      this.#slots.giveBack(reader);
      throw error;
    }
    this.#slots.assign(reader, {
      local: false,
      describe: () => nameOfReader(subscription.name) + ofConnection(watch?.connection),
      wake: () => delivery.wake(),
      restartNow: () => delivery.restartNow(),
      isComingBack: () => delivery.isComingBack,
      evict: (error) => tellEvicted(this.#parts.bus, subscription, error),
    });
    this.#budgetSpinning(1);
    return delivery;
  }

  #deliver(
    subscription: Subscription,
    { filter, exceptOrigins }: Selection,
    moduleUrl: string,
    { data, transferList }: HandedOver,
    options: CheckedModuleOptions,
    start: Start,
    reader: number,
    watch: ModuleWatch | undefined,
  ): ModuleDelivery {
    const { attachment, modules, writer } = this.#parts;
    const { name } = subscription;
    const { position, sequence, missed, joinSequence } = start;
    const { loop = 'cooperative', hangTimeoutMs, restart = {}, thread } = options;
    return new ModuleDelivery(
      {
        ...attachment,
        bus: modules.handle(),
        name,
        moduleUrl,
        data,
        loop,
        reader,
        joinSequence,
        earlier: [],
        exceptOrigins,
        hangTimeoutMs,
      },
      filter,
      { position, nextSequence: sequence, missed, redelivery: undefined, counts: NO_COUNTS, untold: 0 },
      {
        options: { ...thread, name },
        transferList,
        policy: new RestartPolicy(restart),
        printed: new PrintedOutput(thread),
        hosting: PISCINA,
      },
      writer,
      this.#eventsOf(subscription, reader, watch),
      () => this.#slots.view(reader),
      watch?.connection,
    );
  }

  #eventsOf(subscription: Subscription, reader: number, watch: ModuleWatch | undefined): ModuleDeliveryEvents {
    const { bus, backpressure, topics, modules } = this.#parts;
    let onGone = (): void => {};
    return {
      onReading: () => watch?.onReading(),
      onStopping: (endSequence) => watch?.onStopping(endSequence),
      onError: (error) => tellError(bus, subscription, error),
      onLagged: (range) => tellLagged(bus, subscription, range),
      onRestart: (error, delayMs) => tellRestart(bus, subscription, error, delayMs),
      onDeadLetter: (sequence, deaths, error) => {
        const event = { subscription: subscription.name, sequence, deaths, error };
        const { report, published } = publishDeadLetter(this.#parts, reader, event, (error) => reportError(error, bus));
        tellDeadLetter(bus, report);
        watch?.onDeadLetter(report);
        return published;
      },
      onRoom: () => backpressure.roomMade(),
      onConnected: (hello, port) => {
        // Of the life before, if there was one.
        onGone();
        onGone = modules.meet(hello, port);
      },
      onLetGo: () => {
        topics.unwant(subscription);
        this.#slots.letGo(reader);
        watch?.onLetGo();
      },
      onExit: (counts) => {
        watch?.onExit(counts);
        this.#budgetSpinning(-1);
        topics.unwant(subscription);
        this.#slots.giveBack(reader);
      },
    };
  }

  /** Lets dedicated threads wait awake only while every thread of the bus can have a core of its own. */
  #budgetSpinning(threads: number): void {
    this.#running += threads;
    const fits = this.#running + 1 <= process.getBuiltinModule('node:os').availableParallelism();
    this.#parts.writer.setSpinBudget(fits ? MAX_SPIN_US : 0);
  }
}

function ofConnection(name: string | undefined): string {
  return name === undefined ? '' : ` of connection ${JSON.stringify(name)}`;
}
