/** A supervisor over threads that are played: each does what the test says, in the test's own event loop. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { MessagePort } from 'node:worker_threads';
import { compileFilter } from '../../src/topic/filter.js';
import { FilterTimeline } from '../../src/worker/dispatch/filter-timeline.js';
import { READY, signalCells } from '../../src/worker/signals.js';
import type { SupervisedModule } from '../../src/worker/supervision/life-errors.js';
import { RestartPolicy } from '../../src/worker/supervision/restart-policy.js';
import { Supervisor } from '../../src/worker/supervision/supervisor.js';
import type { Host, Hosting, ThreadRun } from '../../src/worker/supervision/thread-run.js';
import type { ThreadExit } from '../../src/worker/supervision/worker-host.js';
import type { Attachment, FromThread, LifeStart, ToThread } from '../../src/worker/worker-protocol.js';
import { turn } from './bus-scene.js';

/** Looks at a stopped thread, and what an ended one may take to exit: much sooner than in earnest. */
const LOOK_MS = 1;
const EXIT_PATIENCE_MS = 30;

const NO_LIFE: LifeStart = {
  position: 0,
  nextSequence: 0,
  missed: false,
  redelivery: undefined,
  counts: { scanned: 0, delivered: 0, failed: 0, lagged: 0, rescued: 0 },
  untold: 0,
};

/** One thread. It runs until it is ended, or dies; its exit is heard of later, or never. */
export class FakeThread implements Host {
  readonly started = new Promise<void>(() => {});
  readonly exited: Promise<ThreadExit>;
  isRunning = true;
  readonly hasLoaded = true;
  readonly stdout = undefined;
  readonly stderr = undefined;
  /** Told to stop before this sequence. */
  endSequence = Number.POSITIVE_INFINITY;
  /** Whether the word of its exit gets lost. */
  isExitLost = false;
  readonly #port: MessagePort;
  readonly #signals: Int32Array;
  #onExited!: (exit: ThreadExit) => void;

  constructor({ port, signals }: Attachment) {
    this.#port = port;
    this.#signals = signalCells(signals);
    this.exited = new Promise((resolve) => {
      this.#onExited = resolve;
    });
    port.on('message', (message: ToThread) => {
      if (typeof message === 'object' && message.kind === 'stop') this.endSequence = message.endSequence;
    });
  }

  /** Is set up and reads, which the bus may not have heard yet. */
  read(): void {
    Atomics.store(this.#signals, READY, 1);
  }

  say(message: FromThread): void {
    if (this.isRunning) this.#port.postMessage(message);
  }

  /** Ends by itself, or is ended by somebody else. */
  die(): void {
    this.isRunning = false;
    this.#port.close();
  }

  exit(): void {
    if (!this.isExitLost) this.#onExited({ exitCode: 1, error: undefined });
  }

  async terminate(): Promise<void> {
    this.die();
    await turn();
    this.exit();
  }
}

export class FakeThreads {
  readonly threads: FakeThread[] = [];
  readonly supervisor: Supervisor;
  /** What was told of the supervisor's owner, in order. */
  readonly told: string[] = [];
  /** Records that are written, and how many of them have settled. */
  written = 0;
  settled = 0;
  /** Whether the system has no thread to give. */
  isOutOfThreads = false;
  /** Called with whatever is told. */
  onTold: (text: string) => void = () => {};

  constructor() {
    const hosting: Hosting = {
      start: (_run, attachment) => this.#start(attachment),
      endLookMs: LOOK_MS,
      exitPatienceMs: EXIT_PATIENCE_MS,
    };
    const run = {
      options: { name: 'played' },
      transferList: [],
      policy: new RestartPolicy({ maxRestarts: 1_000, backoffMs: 0, maxBackoffMs: 0 }),
      printed: { append: () => {} },
      hosting,
    } as unknown as ThreadRun;
    const tell = (text: string): void => {
      this.told.push(text);
      this.onTold(text);
    };
    this.supervisor = new Supervisor(
      { name: 'played', earlier: [], hangTimeoutMs: undefined } as unknown as SupervisedModule,
      new FilterTimeline(compileFilter('/**')),
      NO_LIFE,
      run,
      { inHand: () => -1, heartbeat: () => 0, settledUntil: () => this.settled, nextLife: () => NO_LIFE },
      {
        onReady: () => tell('ready'),
        onRoom: () => tell('room'),
        onConnection: () => tell('connection'),
        onLagged: () => tell('lagged'),
        onHandlerFailure: () => tell('failure'),
        onRestart: () => tell('restart'),
        onDeadLetter: () => [],
        onEnd: (error) => tell(error === undefined ? 'end' : `end: ${error.message}`),
      },
    );
  }

  get running(): FakeThread[] {
    return this.threads.filter(({ isRunning }) => isRunning);
  }

  get ends(): string[] {
    return this.told.filter((text) => text.startsWith('end'));
  }

  /** The thread says something and dies, and `act` is done before this thread's event loop has heard anything of it. */
  async dieUnheard(thread: FakeThread, lastWords: FromThread | undefined, act: () => void): Promise<void> {
    await turn();
    // From here on, in the order of the loop: the port closes, timers that are due, and only then what ports have to say.
    const due = sleep(1);
    if (lastWords !== undefined) thread.say(lastWords);
    thread.die();
    const sinceMs = performance.now();
    while (performance.now() - sinceMs < 2);
    await due;
    act();
  }

  #start(attachment: Attachment): Host {
    if (this.isOutOfThreads) throw Object.assign(new Error('none to be had'), { code: 'ERR_WORKER_INIT_FAILED' });
    const thread = new FakeThread(attachment);
    this.threads.push(thread);
    return thread;
  }
}
