/** The small thread that serves the statistics of a bus: also while the bus's own thread is blocked. */
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { MessagePort } from 'node:worker_threads';
import { post } from '../../host/ports.js';
import { clearInterval, clearTimeout, monotonicMs, processMs, setInterval, setTimeout } from '../../host/timing.js';
import { errorOf } from '../../shown.js';
import { type BusHealth, type HealthProblem, healthOf } from '../health.js';
import { LiveStats } from './live-stats.js';
import { type FromServer, PROTOCOL_VERSION, type Sample, type ServingStart, type ToServer } from './protocol.js';
import { makeFolder, probe } from './socket-path.js';
import { SocketServer } from './socket-server.js';

/** Between two looks while nobody asks. */
const LOOK_MS = 250;
/** Between two snapshots that are asked for on the bus's thread, however many clients ask. */
const ASK_APART_MS = 20;
/** How long the bus's thread is waited for before it is sampled without it. */
const ANSWER_PATIENCE_MS = 50;
/** From when on a loop that does not turn, or a reader that does not move, is a problem. */
const PROBLEM_MS = 500;

export class StatsThread {
  readonly #port: MessagePort;
  readonly #start: ServingStart;
  readonly #live: LiveStats;
  readonly #server: SocketServer;
  /** Since when the bus's thread has been asked without an answer. */
  #askedMs: number | undefined;
  #answeredMs = Number.NEGATIVE_INFINITY;
  #toAsk: NodeJS.Timeout | undefined;
  #isListening = false;
  #onAnswer: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(port: MessagePort, start: ServingStart) {
    this.#port = port;
    this.#start = start;
    this.#live = new LiveStats(start);
    this.#server = new SocketServer(start.path, () => this.#sample());
  }

  async run(): Promise<void> {
    this.#port.on('message', (message: ToServer) => this.#hear(message));
    const { path } = this.#start;
    const ending = new Int32Array(this.#start.ending);
    const found = await probe(path);
    if (found === 'served' || found === 'other') {
      this.#refuse(found === 'served' ? 'another bus serves there' : 'there is a file that is no socket');
      return;
    }
    try {
      rmSync(path, { force: true });
      await this.#server.listen();
    } catch (error) {
      this.#refuse(errorOf(error).message);
      return;
    }
    this.#timer = setInterval(() => {
      this.#live.look();
      this.#ask();
      // This order: the process says that it ends, and removes the socket then.
      if (this.#server.isGone && Atomics.load(ending, 0) === 0) void this.#listenAgain();
    }, LOOK_MS);
    this.#tell({ kind: 'listening', inode: this.#server.inode });
  }

  /** Somebody has removed the socket, or its folder. */
  async #listenAgain(): Promise<void> {
    if (this.#isListening) return;
    this.#isListening = true;
    try {
      const { path, makesFolder } = this.#start;
      if (makesFolder) makeFolder(dirname(path));
      await this.#server.listen();
      this.#tell({ kind: 'listening', inode: this.#server.inode });
    } catch {
      // At the next look again.
    }
    this.#isListening = false;
  }

  #hear(message: ToServer): void {
    if (message.kind === 'close') {
      clearInterval(this.#timer);
      clearTimeout(this.#toAsk);
      this.#server.close();
      this.#port.close();
      return;
    }
    this.#live.hear(message);
    if (message.kind !== 'snapshot') return;
    this.#askedMs = undefined;
    this.#answeredMs = monotonicMs();
    const waiting = this.#onAnswer;
    this.#onAnswer = [];
    for (const answered of waiting) answered();
  }

  #refuse(reason: string): void {
    this.#tell({ kind: 'refused', reason });
    this.#port.close();
  }

  #tell(message: FromServer): void {
    post(this.#port, message);
  }

  #ask(): void {
    if (this.#askedMs !== undefined || this.#toAsk !== undefined) return;
    const waitMs = this.#answeredMs + ASK_APART_MS - monotonicMs();
    if (waitMs > 0) this.#toAsk = setTimeout(() => this.#askNow(), waitMs);
    else this.#askNow();
  }

  #askNow(): void {
    this.#toAsk = undefined;
    this.#askedMs = monotonicMs();
    this.#tell({ kind: 'look' });
  }

  async #sample(): Promise<Sample> {
    this.#ask();
    await new Promise<void>((resolve) => {
      this.#onAnswer.push(resolve);
      setTimeout(resolve, ASK_APART_MS + ANSWER_PATIENCE_MS);
    });
    const blockedMs = this.#askedMs === undefined ? 0 : Math.round(monotonicMs() - this.#askedMs);
    const stats = this.#live.take();
    const { name, startedMs } = this.#start;
    return {
      v: PROTOCOL_VERSION,
      pid: process.pid,
      name,
      node: process.version,
      uptimeMs: Math.round(processMs() - startedMs),
      blockedMs,
      stats,
      health: this.#health(stats, blockedMs),
    };
  }

  /** What the bus says itself, and what only somebody beside it sees. */
  #health(stats: Sample['stats'], blockedMs: number): BusHealth {
    const isBlocked = blockedMs >= PROBLEM_MS;
    const told = healthOf(stats, this.#live.closing).problems;
    // Connections wait for a thread that is blocked.
    const problems: HealthProblem[] = told.filter(({ kind }) => !isBlocked || kind !== 'connection-waiting');
    const held = problems.find(({ kind }) => kind === 'ring-held')?.subject;
    for (const { name, thread, stuckMs, backlogBytes } of stats.subscriptions) {
      // What runs on a blocked thread cannot move.
      if (stuckMs < PROBLEM_MS || (isBlocked && thread === 'bus')) continue;
      if (held?.includes(JSON.stringify(name)) === true) continue;
      const message = `Subscription ${name} has ${backlogBytes} bytes unread and has not moved for ${secondsOf(stuckMs)}.`;
      problems.push({ kind: 'not-moving', subject: name, message });
    }
    if (isBlocked) {
      const message = `The event loop of the bus's thread has not turned for ${secondsOf(blockedMs)}.`;
      problems.unshift({ kind: 'blocked', subject: 'bus', message });
    }
    const ok = problems.length === 0;
    return { ok, message: ok ? 'ok' : problems.map(({ message }) => message).join(' '), problems };
  }
}

function secondsOf(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
