/** One round of threads that use a bus together: over connections, as modules, and the thread that owns it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Bus } from '../../src/bus/bus.js';
import { MAX_READERS } from '../../src/ring/control-descriptor.js';
import type { ActorData } from '../fixtures/workers/random-actor.js';
import type { RandomModuleData } from '../fixtures/workers/random-module.js';
import { turn, until, workerModule } from '../support/bus-scene.js';
import { ThreadWatch } from '../support/deaths.js';
import { Dice } from '../torture/payload.js';
import { Actor } from './actor.js';
import { RoundHistory } from './round-history.js';
import { type ReadThread, readThread } from './thread-account.js';
import { ThreadLaws } from './thread-laws.js';
import { ThreadLog } from './thread-log.js';
import { type ThreadScript, ThreadScriptWriter, type ThreadSubscribing } from './thread-script.js';

export interface ThreadsResult {
  readonly faults: readonly string[];
  readonly events: number;
  readonly listed: number;
  readonly deliveries: number;
  readonly subscriptions: number;
  readonly threads: number;
  readonly killed: number;
  readonly restarts: number;
  readonly evictions: number;
}

const PROGRAM = new URL('../fixtures/workers/random-actor.js', import.meta.url);
const LOG_ENTRIES = 30_000;
const IDS_PER_THREAD = 8_192;
const MAX_LIVES = 4;
const NO_STALLS_MS = 600_000;
/** Between two looks whether something goes on. */
const LOOK_MS = 50;
/** What is said of a thread that was ended from outside. */
const KILLED = /exit code 1$/;
/** Just below the edges of the position counters, in units. */
const STARTS = [0, 2 ** 31 - 2_000, 2 ** 32 - 2_000];

/** A thread, and what it is told to do. */
interface Cast {
  readonly name: string;
  readonly script: ThreadScript;
  readonly log: ThreadLog;
  worker?: Worker;
  /** Events that waited on its heap when its connections ended; undefined: of a module, whose threads are not told apart. */
  dropped?: number;
  isKilled: boolean;
  hasExited: boolean;
}

type Ending = 'whole' | 'early' | 'deadline' | 'destroy';

export class ThreadsRound {
  readonly #dice: Dice;
  readonly bus: Bus;
  readonly faults: string[] = [];
  readonly #stamps = new SharedArrayBuffer(4);
  readonly #cast: Cast[] = [];
  readonly #ending: Ending;
  readonly #progress: () => void;
  readonly #scripts: ThreadScriptWriter;
  #evictions = 0;
  #restarts = 0;
  #killed = 0;
  /** Events that the module has missed, evicted, or that were skipped, as it was killed three times with one in hand. */
  #moduleSkipped = 0;
  readonly #skipped: number[] = [];
  readonly #history: RoundHistory;
  #isModuleKilled = false;
  #isClosing = false;
  /** What is being done, for the watchdog. */
  #at = 'starts';

  constructor(seed: number, round: number, progress: () => void) {
    this.#dice = new Dice(seed * 1_000 + round);
    this.#progress = progress;
    this.#ending = (['whole', 'whole', 'early', 'early', 'deadline', 'destroy'] as const)[this.#dice.roll(6)]!;
    this.#scripts = new ThreadScriptWriter(this.#dice, false);
    const pick = <T>(choices: readonly T[]): T => choices[this.#dice.roll(choices.length)]!;
    this.bus = new Bus(
      {
        capacityBytes: pick([2 ** 16, 2 ** 16, 2 ** 18]),
        stallTimeoutMs: pick([NO_STALLS_MS, NO_STALLS_MS, NO_STALLS_MS, 400]),
        maxPendingBytes: pick([2 ** 24, 2 ** 16, 2 ** 14]),
        keepUnwanted: pick([false, false, true]),
        flush: pick(['burst', 'burst', 'each']),
      },
      pick(STARTS),
    );
    this.bus.on('error', (error) => this.#fault(`the bus: ${error.message}`));
    this.bus.on('evicted', () => void this.#evictions++);
    this.bus.on('deadLetter', ({ sequence }) => void this.#skipped.push(sequence));
    this.#history = new RoundHistory(this.bus, this.#stamps);
  }

  async run(): Promise<ThreadsResult> {
    using _ = this.#history;
    // That somebody is waited for is no sign of life: what threads do is, and they write it down.
    let seen = -1;
    const looks = setInterval(() => {
      const { stamp } = this.#history;
      if (stamp !== seen) this.#progress();
      seen = stamp;
    }, LOOK_MS);
    try {
      return await this.#run();
    } finally {
      clearInterval(looks);
    }
  }

  #enter(at: string): void {
    this.#at = at;
    this.#history.note(at);
    this.#progress();
  }

  async #run(): Promise<ThreadsResult> {
    using watch = new ThreadWatch();
    const owner = this.#ownerScript();
    const ownerLog = this.#newLog();
    const actor = new Actor(
      () => this.bus,
      ownerLog,
      owner,
      (text) => this.#fault(`the owner: ${text}`),
    );
    // Its first action, the subscription of the witness, is done when this returns.
    let ownerIsDone = false;
    const owning = actor.run().then(() => {
      ownerIsDone = true;
    });
    const threads = 2 + this.#dice.roll(4);
    for (let i = 0; i < threads; i++) this.#start(i);
    const module = this.#dice.roll(2) === 0 ? this.#subscribeModule(threads) : undefined;
    const isOver = (): boolean =>
      ownerIsDone && this.#cast.every(({ worker, hasExited }) => worker === undefined || hasExited);
    this.#enter('kills');
    for (let kills = this.#dice.roll(5); kills > 0 && !isOver(); ) {
      await sleep(this.#dice.roll(120));
      if (this.#kill(watch)) kills--;
    }
    this.#enter('waits for the owner');
    await owning;
    if (this.#ending === 'whole') await this.#becomesQuiet();
    this.#enter(`closes: ${this.#ending}`);
    const { undelivered } = await this.#close();
    this.#enter(`has closed, ${undelivered} undelivered: threads exit`);
    while (!isOver()) await sleep(1);
    await this.#endsAll();
    await turn();
    return this.#account(owner, ownerLog, module, undelivered);
  }

  /** A bus that is given up does not wait for threads that start: they end later. What never ends stops the watchdog's clock. */
  async #endsAll(): Promise<void> {
    this.#enter('subscriptions and connections end');
    await until(() => {
      const { subscriptions, connections } = this.bus.stats();
      return subscriptions.length === 0 && connections.length === 0;
    });
  }

  #newLog(): ThreadLog {
    return new ThreadLog(LOG_ENTRIES, this.#stamps);
  }

  #fault(text: string): void {
    if (this.faults.length < 12) this.faults.push(text);
  }

  /** The owner's first subscription sees everything, or all but one topic: then most of that is wanted by nobody. */
  #ownerScript(): ThreadScript {
    const script = new ThreadScriptWriter(this.#dice, true).script(0, 20 + this.#dice.roll(60));
    const filter = this.#dice.roll(3) === 0 ? 8 : 0;
    const witness: ThreadSubscribing = {
      do: 'subscribe',
      form: 'isolated',
      filter,
      lossy: false,
      from: 'now',
      except: [],
      limit: undefined,
      salt: 0,
      wild: false,
    };
    return { ...script, actions: [witness, ...script.actions], pinned: 1 };
  }

  #start(index: number): void {
    const cast: Cast = {
      ...{
        name: `thread ${index}`,
        script: this.#scripts.script((index + 1) * IDS_PER_THREAD, 20 + this.#dice.roll(80)),
      },
      ...{ log: this.#newLog(), isKilled: false, hasExited: false },
    };
    const { script, log } = cast;
    const data: ActorData = { bus: this.bus.handle, log: log.buffer, stamps: this.#stamps, script };
    const worker = new Worker(PROGRAM, { workerData: data });
    cast.worker = worker;
    cast.dropped = 0;
    const own = worker.threadId;
    this.bus.on('disconnect', ({ threadId, lost }) => {
      if (threadId === own) cast.dropped! += lost;
    });
    worker.on('message', (text: string) => this.#fault(`${cast.name}: ${text}`));
    worker.on('error', (error) => this.#fault(`${cast.name}: ${(error as Error).stack}`));
    worker.on('exit', () => {
      cast.hasExited = true;
      this.#history.note(`${cast.name} has exited`);
      this.#progress();
    });
    this.#cast.push(cast);
  }

  #subscribeModule(index: number): Cast {
    // A module cannot leave its bus by itself.
    const writer = new ThreadScriptWriter(this.#dice, true);
    const scripts = Array.from({ length: MAX_LIVES }, (_, life) => {
      return writer.script((index + life + 1) * IDS_PER_THREAD, 20);
    });
    const logs = [this.#newLog(), ...scripts.map(() => this.#newLog())];
    const data: RandomModuleData = {
      ...{ logs: logs.map(({ buffer }) => buffer), stamps: this.#stamps, scripts },
      lives: new Int32Array(new SharedArrayBuffer(4)),
    };
    const restart = { maxRestarts: 1_000, backoffMs: 2, maxBackoffMs: 20 };
    const subscription = this.bus.subscribe('/**', workerModule('random-module'), { name: 'module', data, restart });
    subscription.on('restart', ({ message }) => {
      this.#restarts++;
      this.#history.noteReader(`a life of the module has ended: ${message}`, subscription);
      if (!KILLED.test(message)) this.#fault(`the module died: ${message}`);
    });
    subscription.on('end', () => {
      this.#history.noteReader('the module has ended', subscription);
      const { lagged, evicted, deadLetters } = subscription.stats();
      // Each with the dead letter about it.
      this.#moduleSkipped = lagged + 2 * deadLetters;
      if (lagged > 0 && !evicted) this.#fault(`the module missed ${lagged}, and was not evicted`);
    });
    subscription.on('error', ({ message }) => {
      // Killed when it had handled all that it was to, it is not started again for its teardown.
      if (!this.#isClosing || !this.#isModuleKilled || !KILLED.test(message)) this.#fault(`the module: ${message}`);
    });
    scripts.forEach((script, life) => {
      const name = `life ${life + 1} of the module`;
      this.#cast.push({ name, script, log: logs[life + 1]!, isKilled: true, hasExited: true });
    });
    return { name: 'the module', script: scripts[0]!, log: logs[0]!, isKilled: false, hasExited: true };
  }

  /** Ends a thread wherever it is; not while it loads: Node 20 may abort the process then. */
  #kill(watch: ThreadWatch): boolean {
    const cast = this.#cast.filter(({ worker, log, hasExited, isKilled }) => {
      return worker !== undefined && !hasExited && !isKilled && log.count > 0;
    });
    const modules = [...watch.threads].filter((thread) => !this.#cast.some(({ worker }) => worker === thread));
    const victim = this.#dice.roll(cast.length + modules.length || 1);
    const chosen = cast[victim];
    const thread = chosen?.worker ?? modules[victim - cast.length];
    if (thread === undefined) return false;
    if (chosen !== undefined) chosen.isKilled = true;
    else this.#isModuleKilled = true;
    this.#history.note(`${chosen?.name ?? 'the module'} is killed`);
    this.#killed++;
    void watch.end(thread);
    return true;
  }

  /** All threads have ended: nothing of theirs is left. */
  async #becomesQuiet(): Promise<void> {
    this.#enter('threads end');
    const { bus } = this;
    while (this.#cast.some(({ worker, hasExited }) => worker !== undefined && !hasExited)) await sleep(1);
    this.#enter('connections end');
    const modules = (): number => bus.stats().subscriptions.filter(({ thread }) => thread === 'own').length;
    await until(() => bus.stats().connections.length <= modules());
    const { subscriptions } = bus.stats();
    const left = subscriptions.filter(({ thread }) => thread === 'connection').map(({ name }) => name);
    // Those that a module has on its connection are its own.
    if (left.length > 0 && modules() === 0) this.#fault(`subscriptions of threads that ended: ${left}`);
    if (modules() > 0) return;
    const readers = new Set(subscriptions.map(({ name }) => name)).size;
    let taken = 0;
    try {
      for (; taken <= MAX_READERS; taken++) bus.subscribe('/nowhere', () => {}, { isolate: true });
    } catch {
      // All are taken.
    }
    if (taken + readers < MAX_READERS || taken > MAX_READERS)
      this.#fault(`${taken} readers are free beside ${readers}`);
  }

  async #close(): Promise<{ readonly undelivered: number }> {
    this.#isClosing = true;
    const { bus } = this;
    switch (this.#ending) {
      case 'deadline':
        return bus.close({ drainTimeoutMs: this.#dice.roll(3) * 20 });
      case 'destroy':
        bus.destroy();
        return bus.close();
      default:
        return bus.close({ drainTimeoutMs: Number.POSITIVE_INFINITY });
    }
  }

  #account(owner: ThreadScript, ownerLog: ThreadLog, module: Cast | undefined, undelivered: number): ThreadsResult {
    const { bus } = this;
    const isWhole = this.#ending === 'whole' || this.#ending === 'early';
    if (isWhole && undelivered > 0) this.#fault(`close left ${undelivered}`);
    const complete = isWhole && undelivered === 0;
    const threads: ReadThread[] = [
      readThread('the owner', owner, ownerLog.read(), false, complete),
      ...this.#cast.map(({ name, script, log, isKilled, dropped }) => {
        return readThread(name, script, log.read(), isKilled, complete, dropped);
      }),
    ];
    const laws = new ThreadLaws(threads, { complete, skipped: this.#skipped });
    for (const fault of laws.faults) this.#fault(fault);
    if (module !== undefined)
      for (const fault of laws.checkModule(module.log.read(), complete, this.#moduleSkipped)) this.#fault(fault);
    const stats = bus.stats();
    if (stats.rescued > 0) this.#fault(`${stats.rescued} wake-ups were missed`);
    if (this.faults.length > 0) this.faults.push(`what happened:\n${this.#history.lines.join('\n')}`);
    const accounts = threads.flatMap((thread) => thread.accounts);
    return {
      faults: this.faults,
      events: threads.reduce((sum, { events }) => sum + events.size, 0),
      listed: laws.listed,
      deliveries: accounts.reduce((sum, { receipts }) => sum + receipts.length, 0),
      subscriptions: accounts.length,
      threads: this.#cast.length,
      killed: this.#killed,
      restarts: this.#restarts,
      evictions: this.#evictions,
    };
  }

  get state(): string {
    const { faults } = this;
    const at = this.#at;
    const cast = this.#cast.map(({ name, hasExited, isKilled, log }) => ({ name, hasExited, isKilled, at: log.count }));
    return JSON.stringify({
      at,
      history: this.#history.lines,
      ending: this.#ending,
      closing: this.#isClosing,
      faults,
      cast,
      stats: this.bus.stats(),
    });
  }
}
