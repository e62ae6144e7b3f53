/** The threads of subscriber modules: each with a reader's slot, and all together with a budget for waiting awake. */
import { availableParallelism } from 'node:os';
import { BusError, InvalidOptionError } from '../errors.js';
import { emitSafely, reportError } from '../host/report.js';
import { moduleUrl } from '../option-check.js';
import { nameOfReader } from '../publish/readers.js';
import { NO_COUNTS } from '../ring/reader-counters.js';
import type { CompiledFilter } from '../topic/filter.js';
import { RestartPolicy } from '../worker/supervision/restart-policy.js';
import { publishDeadLetter } from './dead-letters.js';
import { ModuleDelivery, type ModuleDeliveryEvents } from './module-delivery.js';
import type { ReaderSlots } from './reader-slots.js';
import { findStart } from './replay.js';
import type { ModuleOptions } from './subscribe-options.js';
import type { SubscribingParts } from './subscribing-parts.js';
import type { Subscription } from './subscription.js';

/** Longest wait awake before a dedicated thread sleeps: a few times what a wake takes to arrive. */
const MAX_SPIN_US = 100;

export class ModuleThreads {
  readonly #parts: SubscribingParts;
  readonly #slots: ReaderSlots;
  #running = 0;

  constructor(parts: SubscribingParts, slots: ReaderSlots) {
    this.#parts = parts;
    this.#slots = slots;
  }

  /** Starts the thread of a subscription, whose options are valid. */
  start(subscription: Subscription, filter: CompiledFilter, module: URL, options: ModuleOptions): ModuleDelivery {
    const { attachment, topics, writer } = this.#parts;
    const { name } = subscription;
    const data = cloneData(options.data);
    const url = moduleUrl('module', module);
    const start = findStart(this.#parts, options.from, filter);
    const reader = this.#slots.take(options.delivery ?? 'lossless', start);
    topics.want(subscription, filter, reader);
    const { position, sequence, missed } = start;
    const delivery = new ModuleDelivery(
      {
        ...attachment,
        name,
        moduleUrl: url,
        data,
        loop: options.loop ?? 'cooperative',
        reader,
        joinSequence: start.joinSequence,
        hangTimeoutMs: options.hangTimeoutMs,
      },
      filter,
      { position, nextSequence: sequence, missed, redelivery: undefined, counts: NO_COUNTS, untold: 0 },
      { resourceLimits: options.resourceLimits, policy: new RestartPolicy(options.restart ?? {}) },
      writer,
      this.#eventsOf(subscription, reader),
      () => this.#slots.view(reader),
    );
    this.#slots.assign(reader, {
      local: false,
      describe: () => nameOfReader(name),
      wake: () => delivery.wake(),
      restartNow: () => delivery.restartNow(),
      evict: (error) => emitSafely(subscription, 'evicted', error),
    });
    this.#budgetSpinning(1);
    return delivery;
  }

  #eventsOf(subscription: Subscription, reader: number): ModuleDeliveryEvents {
    const { bus, backpressure, topics } = this.#parts;
    return {
      onError: (error) => reportError(error, subscription, bus),
      onLagged: (range) => emitSafely(subscription, 'lagged', range),
      onRestart: (error, delayMs) => emitSafely(subscription, 'restart', error, delayMs),
      onDeadLetter: (sequence, deaths, error) => {
        const event = { subscription: subscription.name, sequence, deaths, error };
        const { report, published } = publishDeadLetter(this.#parts, reader, event, (error) => reportError(error, bus));
        emitSafely(bus, 'deadLetter', report);
        return published;
      },
      onRoom: () => backpressure.roomMade(),
      onLetGo: () => {
        topics.unwant(subscription);
        this.#slots.letGo(reader);
      },
      onExit: () => {
        this.#budgetSpinning(-1);
        topics.unwant(subscription);
        this.#slots.giveBack(reader);
      },
    };
  }

  /** Lets dedicated threads wait awake only while every thread of the bus can have a core of its own. */
  #budgetSpinning(threads: number): void {
    this.#running += threads;
    const fits = this.#running + 1 <= availableParallelism();
    this.#parts.writer.setSpinBudget(fits ? MAX_SPIN_US : 0);
  }
}

/** A clone, made now: what cannot be cloned is refused here, and later changes do not show. */
function cloneData(data: unknown): unknown {
  try {
    return structuredClone(data);
  } catch (error) {
    if (error instanceof BusError) throw error;
    throw new InvalidOptionError('data', data, `something that can be cloned (${(error as Error).message})`);
  }
}
