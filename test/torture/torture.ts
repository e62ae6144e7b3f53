/**
 * Real threads, tiny rings, kills at random moments, and an account of every event.
 *
 * A run is a series of rounds, each with a bus of its own: its subscribers of every kind write down what they see, and
 * when the bus has closed every event is accounted for. What happens follows from the seed; when it happens does not.
 */
import type { Worker } from 'node:worker_threads';
import { Bus } from '../../src/bus/bus.js';
import type { EventStream, ModuleOptions, Subscription } from '../../src/index.js';
import { HEADER_BYTES } from '../../src/ring/record-descriptor.js';
import { workerModule } from '../support/bus-scene.js';
import { collect, usedBytes } from '../support/used-bytes.js';
import { Ledger } from './ledger.js';
import { Dice, payloadOf } from './payload.js';

export interface TortureOptions {
  readonly durationMs: number;
  readonly seed: number;
  /** Mean time between two kills of threads from outside; 0: none. */
  readonly killEveryMs: number;
  /** Deliveries at least between two kills from outside, of which each costs the start of a thread; default 1,000. */
  readonly handledPerKill?: number;
  /** Ends the run early, after that many kills from outside. */
  readonly maxKills?: number;
  /** Whether what happened so far proves something; until then the run goes on beyond its time. */
  readonly isEnough?: (report: TortureReport) => boolean;
  /** Told after each round. */
  readonly onRound?: (report: TortureReport) => void;
}

export interface TortureReport {
  seed: number;
  rounds: number;
  events: number;
  deliveries: number;
  /** At least: payloads and record headers only. */
  laps: number;
  killsOutside: number;
  killsInside: number;
  restarts: number;
  redeliveries: number;
  deadLetters: number;
  lagged: number;
  lost: number;
  torn: number;
  duplicates: number;
  outOfOrder: number;
  rescued: number;
  /** Heap and buffers in use after a forced collection: after the first round, and now. */
  baselineBytes: number;
  finalBytes: number;
  /** Laws that were broken, in words. */
  violations: string[];
}

const EVENTS_PER_ROUND = 60_000;
/** A round goes on beyond its time until then: on a busy machine it may be over before the threads have started. */
const MIN_EVENTS_PER_ROUND = 5_000;
/** Deliveries between two kills from outside: threads that are killed as soon as they run would get nowhere. */
const HANDLED_PER_KILL = 1_000;
const ROUND_MS = 5_000;
const TYPE_URL = 'torture.Words';
/** Just below the edges of the position counters, in units. */
const STARTS = [0, 2 ** 30 - 5_000, 2 ** 31 - 5_000, 2 ** 32 - 5_000, 3 * 2 ** 30 - 5_000, 2 ** 33 - 5_000];
const MEMORY_SLACK_BYTES = 32 * 2 ** 20;

interface Witness {
  readonly subscription: Subscription;
  readonly ledger: Ledger;
  readonly lossy: boolean;
  /** Whether its thread may have been killed. */
  readonly mortal: boolean;
  /** Events that `lagged` told of. */
  told: number;
  /** Sequences that were skipped because the thread died of them. */
  readonly skipped: Set<number>;
}

export async function torture(options: TortureOptions): Promise<TortureReport> {
  const { seed } = options;
  const report: TortureReport = {
    seed,
    rounds: 0,
    events: 0,
    deliveries: 0,
    laps: 0,
    killsOutside: 0,
    killsInside: 0,
    restarts: 0,
    redeliveries: 0,
    deadLetters: 0,
    lagged: 0,
    lost: 0,
    torn: 0,
    duplicates: 0,
    outOfOrder: 0,
    rescued: 0,
    baselineBytes: 0,
    finalBytes: 0,
    violations: [],
  };
  const { maxKills = Number.POSITIVE_INFINITY, isEnough = () => true } = options;
  const endMs = performance.now() + options.durationMs;
  while ((performance.now() < endMs && report.killsOutside < maxKills) || !isEnough(report)) {
    await new Round(options, report, endMs).run();
    report.rounds++;
    report.finalBytes = usedBytes();
    if (report.rounds === 1) report.baselineBytes = report.finalBytes;
    options.onRound?.(report);
  }
  if (report.finalBytes > report.baselineBytes + MEMORY_SLACK_BYTES) {
    report.violations.push(`memory grew from ${report.baselineBytes} to ${report.finalBytes} bytes`);
  }
  return report;
}

class Round {
  readonly #options: TortureOptions;
  readonly #report: TortureReport;
  readonly #endMs: number;
  readonly #dice: Dice;
  readonly #seed: number;
  readonly #bus: Bus;
  readonly #capacityBytes: number;
  readonly #witnesses: Witness[] = [];
  readonly #threads = new Set<Worker>();
  readonly #consumers: Promise<void>[] = [];
  #published = 0;
  #payloadBytes = 0;
  #closing = false;

  constructor(options: TortureOptions, report: TortureReport, endMs: number) {
    this.#options = options;
    this.#report = report;
    this.#endMs = Math.min(endMs, performance.now() + ROUND_MS);
    this.#seed = options.seed * 1_000 + report.rounds;
    this.#dice = new Dice(this.#seed);
    this.#capacityBytes = 2 ** (16 + this.#dice.roll(3));
    this.#bus = new Bus(
      { capacityBytes: this.#capacityBytes, stallTimeoutMs: 300_000, maxPendingBytes: 2 ** 20 },
      STARTS[this.#dice.roll(STARTS.length)],
    );
  }

  async run(): Promise<void> {
    const watch = (worker: Worker): void => {
      // Not while it loads: Node 20 may abort the process when a thread is ended while it links a module.
      worker.once('message', () => this.#threads.add(worker));
      worker.once('exit', () => this.#threads.delete(worker));
    };
    process.on('worker', watch);
    let killing = true;
    const killer = this.#options.killEveryMs > 0 ? this.#kill(() => killing) : Promise.resolve();
    try {
      this.#subscribe();
      await this.#publish();
      this.#closing = true;
      const { undelivered } = await this.#bus.close({ drainTimeoutMs: Number.POSITIVE_INFINITY });
      if (undelivered > 0) this.#violation(`close left ${undelivered} deliveries`);
      await Promise.all(this.#consumers);
    } finally {
      killing = false;
      await killer;
      process.off('worker', watch);
    }
    this.#account();
  }

  #subscribe(): void {
    const bus = this.#bus;
    for (const lossy of [false, true]) {
      const delivery = lossy ? 'lossy' : 'lossless';
      const slow = new Ledger(EVENTS_PER_ROUND, this.#seed);
      const pace = new Dice(this.#seed + 1);
      this.#witness(
        slow,
        lossy,
        false,
        bus.subscribe(
          '/t/*',
          (envelope) => {
            slow.enter(envelope, true);
            return pace.roll(lossy ? 20 : 400) === 0 ? new Promise((resolve) => setTimeout(resolve, 1)) : undefined;
          },
          { delivery, isolate: true, name: `${delivery} handler` },
        ),
      );
      const streamed = new Ledger(EVENTS_PER_ROUND, this.#seed);
      const stream = bus.subscribe('/t/*', { delivery, name: `${delivery} stream` });
      this.#witness(streamed, lossy, false, stream);
      this.#consumers.push(consume(stream, streamed));
    }
    this.#module('tortured', {});
    this.#module('tortured-batches', {});
    this.#module('tortured', { loop: 'dedicated' });
    this.#module('tortured', { delivery: 'lossy' });
    if (this.#dice.roll(2) === 0) this.#module('tortured', { delivery: 'lossy', loop: 'dedicated' });
  }

  #module(file: string, options: ModuleOptions): void {
    const ledger = new Ledger(EVENTS_PER_ROUND, this.#seed);
    const salt = this.#witnesses.length;
    // A blocked thread notices nothing that happens outside its handlers: those are killed from outside only.
    const deathOneIn = options.loop === 'dedicated' ? 0 : 9_001;
    const data = { ledger: ledger.buffer, seed: this.#seed, salt, deathOneIn };
    const subscription = this.#bus.subscribe('/t/*', workerModule(file), {
      ...options,
      data,
      name: `${options.delivery ?? 'lossless'} ${options.loop ?? 'cooperative'} ${file} ${salt}`,
      restart: { maxRestarts: 1_000, backoffMs: this.#dice.roll(3) * 5, maxBackoffMs: 10 },
    });
    subscription.on('restart', () => this.#report.restarts++);
    this.#witness(ledger, options.delivery === 'lossy', true, subscription);
  }

  #witness(ledger: Ledger, lossy: boolean, mortal: boolean, subscription: Subscription): void {
    const witness: Witness = { subscription, ledger, lossy, mortal, told: 0, skipped: new Set() };
    subscription.on('lagged', ({ count }) => {
      witness.told += count;
    });
    subscription.on('error', (error) => {
      // A thread that is killed when it has delivered everything, but before it has ended, is reported and not started again.
      if (!mortal || !this.#closing) this.#violation(`${subscription.name}: ${error.message}`);
    });
    subscription.on('evicted', () => this.#violation(`${subscription.name} was evicted`));
    this.#bus.on('deadLetter', (letter) => {
      if (letter.subscription === subscription.name) witness.skipped.add(letter.sequence);
    });
    this.#witnesses.push(witness);
  }

  async #publish(): Promise<void> {
    const dice = this.#dice;
    const goesOn = (): boolean => this.#published < MIN_EVENTS_PER_ROUND || performance.now() < this.#endMs;
    while (this.#published < EVENTS_PER_ROUND && goesOn()) {
      for (let left = 1 + dice.roll(300); left > 0 && this.#published < EVENTS_PER_ROUND; left--) {
        if (!this.#publishOne()) await this.#bus.writable();
      }
      const pause = dice.roll(20);
      if (pause === 0) await new Promise((resolve) => setTimeout(resolve, dice.roll(8)));
      else if (pause < 10) await new Promise((resolve) => setImmediate(resolve));
      if (dice.roll(500) === 0) collect();
    }
  }

  /** Publishes the next event in one of the ways. False when it is time to wait for room. */
  #publishOne(): boolean {
    const dice = this.#dice;
    const topic = dice.roll(50) === 0 ? `/t/rare${this.#published}` : `/t/${dice.roll(8)}`;
    const value = payloadOf(this.#published, this.#seed);
    const event = { typeUrl: TYPE_URL, value };

    const verb = dice.roll(10);
    if (verb === 0) {
      if (!this.#bus.tryPublish(topic, event)) return false;
    } else if (verb === 1) {
      try {
        this.#bus.publishSync(topic, event, { timeoutMs: 20 });
      } catch (error) {
        const { code } = error as { code?: string };
        if (code === 'BUS_WOULD_DEADLOCK' || code === 'BUS_PUBLISH_TIMEOUT') return false;
        throw error;
      }
    }
    this.#published++;
    this.#payloadBytes += value.length + HEADER_BYTES;
    return verb < 2 || this.#bus.publish(topic, event);
  }

  /** Ends threads at random moments, wherever they are. */
  async #kill(going: () => boolean): Promise<void> {
    const { killEveryMs, handledPerKill = HANDLED_PER_KILL } = this.#options;
    const dice = new Dice(this.#seed + 2);
    let handledBefore = 0;
    while (going()) {
      await new Promise((resolve) => setTimeout(resolve, dice.roll(2 * killEveryMs)));
      const threads = [...this.#threads];
      const handled = this.#witnesses.reduce((sum, { ledger }) => sum + ledger.handled, 0);
      if (!going() || threads.length === 0 || handled - handledBefore < handledPerKill) continue;
      handledBefore = handled;
      void threads[dice.roll(threads.length)]!.terminate();
      this.#report.killsOutside++;
    }
  }

  #account(): void {
    const report = this.#report;
    const { stats, published } = { stats: this.#bus.stats(), published: this.#published };
    report.events += published;
    report.laps += Math.floor(this.#payloadBytes / this.#capacityBytes);
    if (stats.written !== published) this.#violation(`${published} published, ${stats.written} written`);
    for (const witness of this.#witnesses) this.#accountFor(witness, published);
  }

  #accountFor({ subscription, ledger, lossy, mortal, told, skipped }: Witness, published: number): void {
    const report = this.#report;
    const { scanned, lagged, rescued, deadLetters } = subscription.stats();
    const { name } = subscription;
    report.deliveries += ledger.handled;
    report.killsInside += ledger.deaths;
    report.redeliveries += ledger.redelivered;
    report.torn += ledger.torn;
    report.duplicates += ledger.duplicates;
    report.outOfOrder += ledger.outOfOrder;
    report.lagged += lagged;
    report.rescued += rescued;
    report.deadLetters += deadLetters;
    if (ledger.torn > 0) this.#violation(`${name}: ${ledger.torn} torn`);
    if (ledger.duplicates > 0) this.#violation(`${name}: ${ledger.duplicates} duplicates`);
    if (ledger.outOfOrder > 0) this.#violation(`${name}: ${ledger.outOfOrder} out of order`);
    if (rescued > 0) this.#violation(`${name}: ${rescued} rescued`);
    if (lagged !== told) this.#violation(`${name}: stats say ${lagged} lagged, events ${told}`);
    if (scanned + lagged !== published) {
      this.#violation(`${name}: scanned ${scanned} + lagged ${lagged} is not ${published} published`);
    }
    let missing = 0;
    for (let sequence = 0; sequence < published; sequence++) {
      if (!ledger.sees(sequence) && !skipped.has(sequence)) missing++;
    }
    if (!lossy) {
      report.lost += missing;
      if (missing > 0) this.#violation(`${name}: ${missing} lost`);
      if (ledger.gaps > deadLetters) this.#violation(`${name}: ${ledger.gaps} gaps`);
    } else if (mortal ? missing > lagged : missing !== lagged) {
      // What a thread had handled and not released when it died may be overwritten, and then counts as missed too.
      this.#violation(`${name}: ${missing} missing, ${lagged} lagged`);
    }
    if (lossy && ledger.gaps > deadLetters)
      this.#violation(`${name}: ${ledger.gaps} gaps that lagged does not explain`);
  }

  #violation(text: string): void {
    const { rounds, seed } = this.#report;
    this.#report.violations.push(`seed ${seed}, round ${rounds}: ${text}`);
  }
}

async function consume(stream: EventStream, ledger: Ledger): Promise<void> {
  for await (const envelope of stream) ledger.enter(envelope, true);
}
