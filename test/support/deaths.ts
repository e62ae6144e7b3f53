/** Subscriptions whose threads die as planned. */
import type { Worker } from 'node:worker_threads';
import type { Bus, FilterInput, ModuleOptions, Subscription } from '../../src/index.js';
import { AGAIN, DEATH_CELLS, type Death, LIVES, type MortalData } from '../fixtures/workers/mortal.js';
import { workerModule } from './bus-scene.js';
import { SharedLog } from './shared-log.js';

export class Mortal {
  readonly log = new SharedLog(20_000);
  readonly deaths = new Int32Array(new SharedArrayBuffer(DEATH_CELLS * 4));
  readonly subscription: Subscription;
  readonly restarts: string[] = [];

  /** @param plan how often the thread dies of the events with ids 0 to 9 (see `mortal.ts` for further places) */
  constructor(
    bus: Bus,
    filter: FilterInput,
    death: Death,
    plan: Readonly<Record<number, number>>,
    options: ModuleOptions = {},
  ) {
    for (const [place, times] of Object.entries(plan)) this.deaths[Number(place)] = times;
    const data: MortalData = { log: this.log.buffer, death, deaths: this.deaths };
    this.subscription = bus.subscribe(filter, workerModule('mortal'), { restart: { backoffMs: 0 }, ...options, data });
    this.subscription.on('restart', (error) => this.restarts.push(error.message));
  }

  /** Ids handled, in order, without those handled again. */
  get ids(): number[] {
    return this.log.values.filter((id) => id < AGAIN);
  }

  /** Ids handled, marked as redelivered or not, each once. */
  get handled(): number[] {
    return [...new Set(this.log.values.map((id) => id % AGAIN))].sort((a, b) => a - b);
  }

  get again(): number[] {
    return this.log.values.filter((id) => id >= AGAIN).map((id) => id - AGAIN);
  }

  get lives(): number {
    return this.deaths[LIVES]!;
  }
}

/** Collects the threads that are started while it is in use. */
export class ThreadWatch implements Disposable {
  readonly threads = new Set<Worker>();
  readonly #watch = (worker: Worker): void => {
    // Not while it loads: Node 20 may abort the process when a thread is ended while it links a module.
    worker.once('message', () => this.threads.add(worker));
    worker.once('exit', () => this.threads.delete(worker));
  };

  constructor() {
    process.on('worker', this.#watch);
  }

  /** Ends all of them, wherever they are. */
  async kill(): Promise<void> {
    await Promise.all([...this.threads].map((thread) => this.end(thread)));
  }

  /** Ends one of them. Each once: with every call that comes before a thread has exited, Node listens for its exit once more. */
  async end(thread: Worker): Promise<void> {
    this.threads.delete(thread);
    await thread.terminate();
  }

  [Symbol.dispose](): void {
    process.off('worker', this.#watch);
  }
}
