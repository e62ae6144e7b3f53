/**
 * Threads that publish and threads that subscribe over connections, killed at random moments, and an account of every event.
 *
 * A run is a series of rounds, each with a bus of its own. A thread that has ended is replaced by another one until the round
 * is over; then those that publish come to their ends, and the bus closes.
 */
import { Worker } from 'node:worker_threads';
import { type Bus, createBus } from '../../src/index.js';
import { PublishingThread } from '../connect/publishers.js';
import type { WitnessData } from '../fixtures/workers/connected-witness.js';
import { until } from '../support/bus-scene.js';
import { usedBytes } from '../support/used-bytes.js';
import { Dice } from './payload.js';
import { allocateOrder, Witness } from './witness.js';

export interface ConnectedTortureOptions {
  readonly durationMs: number;
  readonly seed: number;
  readonly publishers: number;
  readonly listeners: number;
  /** Mean time between two kills. */
  readonly killEveryMs: number;
  /** How long each round goes on from when all threads are at work: on a busy machine that takes seconds. */
  readonly roundMs?: number;
  /** Told after each round. */
  readonly onRound?: (report: ConnectedTortureReport) => void;
}

export interface ConnectedTortureReport {
  seed: number;
  rounds: number;
  events: number;
  deliveries: number;
  publishersStarted: number;
  publishersKilled: number;
  listenersStarted: number;
  listenersKilled: number;
  /** Heap and buffers in use after a forced collection: after the first round, and now. */
  baselineBytes: number;
  finalBytes: number;
  /** Laws that were broken, in words. */
  violations: string[];
}

const DEFAULT_ROUND_MS = 8_000;
/** Events of one life of a publishing thread, at most. */
const MAX_COUNT = 6_000;
const PROGRAM = new URL('../fixtures/workers/connected-witness.js', import.meta.url);
const MAX_EVENTS = 2 ** 22;
const MEMORY_SLACK_BYTES = 32 * 2 ** 20;
const READERS = 64;

export async function tortureConnections(options: ConnectedTortureOptions): Promise<ConnectedTortureReport> {
  const report: ConnectedTortureReport = {
    seed: options.seed,
    ...{ rounds: 0, events: 0, deliveries: 0 },
    ...{ publishersStarted: 0, publishersKilled: 0, listenersStarted: 0, listenersKilled: 0 },
    ...{ baselineBytes: 0, finalBytes: 0, violations: [] },
  };
  const endMs = performance.now() + options.durationMs;
  do {
    await new Round(options, report).run();
    report.rounds++;
    report.finalBytes = usedBytes();
    if (report.rounds === 1) report.baselineBytes = report.finalBytes;
    options.onRound?.(report);
    // Two at least: what the first has left in memory is seen in the second.
  } while (report.rounds < 2 || performance.now() < endMs);
  if (report.finalBytes > report.baselineBytes + MEMORY_SLACK_BYTES) {
    report.violations.push(`memory grew from ${report.baselineBytes} to ${report.finalBytes} bytes`);
  }
  return report;
}

/** A thread that subscribes. */
interface Listener {
  readonly name: string;
  readonly worker: Worker;
  readonly witness: Witness;
  readonly exited: Promise<void>;
  /** Undefined until it is ready. */
  joinSequence: number | undefined;
  isKilled: boolean;
  hasExited: boolean;
}

class Round {
  readonly #options: ConnectedTortureOptions;
  readonly #report: ConnectedTortureReport;
  #endMs = Number.POSITIVE_INFINITY;
  readonly #dice: Dice;
  readonly #bus: Bus;
  readonly #order = allocateOrder(MAX_EVENTS);
  readonly #witness: Witness;
  readonly #publishers: { readonly thread: PublishingThread; isKilled: boolean; hasExited: boolean }[] = [];
  readonly #listeners: Listener[] = [];

  constructor(options: ConnectedTortureOptions, report: ConnectedTortureReport) {
    this.#options = options;
    this.#report = report;
    this.#dice = new Dice(options.seed * 1_000 + report.rounds);
    this.#bus = createBus({ capacityBytes: 2 ** (16 + this.#dice.roll(4)), stallTimeoutMs: 300_000 });
    this.#witness = new Witness(this.#order);
    this.#bus.subscribe('/numbered', this.#witness.note);
    this.#bus.on('evicted', (error) => this.#violation(error.message));
    this.#bus.on('error', (error) => this.#violation(error.message));
  }

  async run(): Promise<void> {
    // However slow the machine, somebody of each kind is killed.
    const { publishersKilled, listenersKilled } = this.#report;
    const isOn = (): boolean =>
      performance.now() < this.#endMs ||
      this.#report.publishersKilled === publishersKilled ||
      this.#report.listenersKilled === listenersKilled;
    for (let i = 0; i < this.#options.listeners; i++) this.#listen(isOn);
    for (let i = 0; i < this.#options.publishers; i++) this.#publish(isOn);
    // The first ones: others have taken their places meanwhile.
    const first = this.#publishers.slice();
    const isAtWork = (): boolean =>
      this.#listeners.every(({ joinSequence }) => joinSequence !== undefined) &&
      first.every(({ thread, hasExited }) => hasExited || thread.begun > 0);
    while (!isAtWork()) await new Promise((resolve) => setTimeout(resolve, 5));
    this.#endMs = performance.now() + (this.#options.roundMs ?? DEFAULT_ROUND_MS);
    while (isOn()) {
      await new Promise((resolve) => setTimeout(resolve, this.#dice.roll(2 * this.#options.killEveryMs)));
      if (isOn()) this.#kill();
    }
    // Each comes to its end: none was told to go on for ever.
    await Promise.all(this.#publishers.map(({ thread }) => thread.exited));
    await this.#untilReady();
    const { written } = this.#bus.stats();
    const { undelivered } = await this.#bus.close({ drainTimeoutMs: Number.POSITIVE_INFINITY });
    if (undelivered > 0) this.#violation(`close left ${undelivered} deliveries`);
    await Promise.all(this.#listeners.map(({ exited }) => exited));
    this.#account(written);
  }

  #publish(isOn: () => boolean): void {
    const dice = this.#dice;
    const producer = this.#publishers.length + 1;
    const thread = new PublishingThread(this.#bus, producer, {
      count: 1 + dice.roll(dice.roll(4) === 0 ? 50 : MAX_COUNT),
      bytes: dice.roll(dice.roll(10) === 0 ? 4_000 : 200),
      way: dice.roll(3) === 0 ? 'sync' : 'wait',
      end: (['close', 'return', 'exit'] as const)[dice.roll(3)]!,
    });
    this.#report.publishersStarted++;
    const entry = { thread, isKilled: false, hasExited: false };
    this.#publishers.push(entry);
    void thread.failed.then((error) => this.#violation(`publisher ${producer}: ${error.message}`));
    void thread.exited.then(() => {
      entry.hasExited = true;
      if (isOn()) this.#publish(isOn);
    });
  }

  #listen(isOn: () => boolean): void {
    const witness = new Witness(this.#order);
    const way = (['handler', 'slow handler', 'stream'] as const)[this.#dice.roll(3)]!;
    const data: WitnessData = { bus: this.#bus.handle, order: this.#order, seen: witness.buffer, way };
    const worker = new Worker(PROGRAM, { workerData: data });
    const name = `listener ${this.#listeners.length + 1} (${way})`;
    const exited = new Promise<void>((resolve) => {
      worker.once('exit', () => {
        listener.hasExited = true;
        resolve();
        if (isOn()) this.#listen(isOn);
      });
    });
    const listener: Listener = {
      ...{ name, worker, witness, exited },
      ...{ joinSequence: undefined, isKilled: false, hasExited: false },
    };
    worker.once('message', (joinSequence: number) => {
      listener.joinSequence = joinSequence;
    });
    worker.once('error', (error) => this.#violation(`${name}: ${(error as Error).message}`));
    this.#report.listenersStarted++;
    this.#listeners.push(listener);
  }

  /** Ends a thread wherever it is; not while it loads: Node 20 may abort the process then. */
  #kill(): void {
    const publishers = this.#publishers.filter(({ hasExited, isKilled, thread }) => {
      return !hasExited && !isKilled && thread.begun > 0;
    });
    const listeners = this.#listeners.filter(({ hasExited, isKilled, joinSequence }) => {
      return !hasExited && !isKilled && joinSequence !== undefined;
    });
    const victim = this.#dice.roll(publishers.length + listeners.length || 1);
    const publisher = publishers[victim];
    if (publisher !== undefined) {
      publisher.isKilled = true;
      this.#report.publishersKilled++;
      void publisher.thread.worker.terminate();
      return;
    }
    const listener = listeners[victim - publishers.length];
    if (listener === undefined) return;
    listener.isKilled = true;
    this.#report.listenersKilled++;
    void listener.worker.terminate();
  }

  /** All that is left of those that were killed has been given back, and those that live read. */
  async #untilReady(): Promise<void> {
    const alive = (): number => this.#listeners.filter(({ hasExited }) => !hasExited).length;
    const isReady = (): boolean =>
      this.#listeners.every(({ hasExited, isKilled, joinSequence }) =>
        isKilled ? hasExited : hasExited || joinSequence !== undefined,
      ) && this.#bus.stats().connections.length === alive();
    await until(isReady);
    const readers = alive() + 1;
    const { subscriptions } = this.#bus.stats();
    if (subscriptions.length !== readers) this.#violation(`${subscriptions.length} subscriptions, not ${readers}`);
    const streams = [];
    try {
      while (streams.length < READERS) streams.push(this.#bus.subscribe('/slots'));
    } catch {
      // All slots are taken.
    }
    if (streams.length !== READERS - readers)
      this.#violation(`${READERS - streams.length} slots taken, not ${readers}`);
    await Promise.all(streams.map((stream) => stream.stop()));
  }

  #account(written: number): void {
    const report = this.#report;
    report.events += written;
    for (const { thread, isKilled } of this.#publishers) {
      const { producer, told, begun } = thread;
      const got = this.#witness.next.get(producer) ?? 0;
      if (got < told) this.#violation(`publisher ${producer}: ${told} told, ${got} arrived`);
      if (got > begun) this.#violation(`publisher ${producer}: ${begun} begun, ${got} arrived`);
      if (!isKilled && got !== begun) this.#violation(`publisher ${producer}: ${begun} published, ${got} arrived`);
    }
    this.#accountFor('the witness on the owner', this.#witness, 0, written);
    for (const { name, witness, joinSequence, isKilled } of this.#listeners) {
      this.#accountFor(name, witness, joinSequence ?? written, isKilled ? undefined : written);
    }
    if (this.#bus.stats().connections.length > 0) this.#violation('connections are left');
  }

  /** @param written all that it was owed from `joinSequence` on; undefined: it was killed */
  #accountFor(name: string, witness: Witness, joinSequence: number, written: number | undefined): void {
    this.#report.deliveries += witness.handled;
    for (const fault of witness.faults) this.#violation(`${name}: ${fault}`);
    if (written !== undefined && witness.handled !== written - joinSequence) {
      this.#violation(`${name}: ${witness.handled} handled of ${written - joinSequence}`);
    }
  }

  #violation(text: string): void {
    const { rounds, seed } = this.#report;
    this.#report.violations.push(`seed ${seed}, round ${rounds}: ${text}`);
  }
}
