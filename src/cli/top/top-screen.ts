/** `ringcast top` on a terminal: draws each sample over the one before, hears keys, and leaves the terminal as it was. */
import { emitKeypressEvents } from 'node:readline';
import type { Sample } from '../../observe/serving/protocol.js';
import { Frames } from './frames.js';
import { followBus } from './served-buses.js';
import { cut } from './text-cells.js';
import { SORTS } from './top-rows.js';
import { viewOf } from './top-view.js';

const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const INTERVALS_MS = [100, 250, 500, 1_000, 2_000, 5_000, 10_000];

/** Resolves when the user has had enough, or the last bus is gone: with why. */
export async function showOnScreen(sockets: readonly string[], intervalMs: number): Promise<string | undefined> {
  const screen = new TopScreen(sockets, intervalMs);
  try {
    return await screen.run();
  } finally {
    screen.leave();
  }
}

class TopScreen {
  readonly #sockets: string[];
  #intervalMs: number;
  #bus = 0;
  #sort = 0;
  #skip = 0;
  #paused = false;
  #sample: Sample | undefined;
  #previous: Sample | undefined;
  #end!: (reason: string | undefined) => void;
  #stop: () => void = () => {};
  readonly #frames = new Frames();
  readonly #resized = (): void => {
    this.#frames.forget();
    this.#redraw();
  };
  /** Control-Z, or another's wish: the shell gets the terminal as it was. */
  readonly #suspended = (): void => {
    this.#isAway = true;
    process.stdin.setRawMode?.(false);
    process.stdout.write(LEAVE, () => process.kill(process.pid, 'SIGSTOP'));
  };
  /** Let go on, also when stopped without having been asked: the shell has had the terminal meanwhile. */
  readonly #continued = (): void => {
    this.#isAway = false;
    process.stdin.setRawMode?.(true);
    process.stdout.write(ENTER);
    this.#resized();
  };
  /** The terminal is gone: there is nothing to leave as it was. Node would try to, as it ends, and abort. */
  readonly #hungUp = (): void => {
    process.removeAllListeners('SIGHUP');
    process.kill(process.pid, 'SIGHUP');
  };
  readonly #leave = (): void => this.leave();
  #isAway = false;
  #left = false;

  constructor(sockets: readonly string[], intervalMs: number) {
    this.#sockets = [...sockets];
    this.#intervalMs = intervalMs;
  }

  async run(): Promise<string | undefined> {
    const ended = new Promise<string | undefined>((resolve) => {
      this.#end = resolve;
    });
    process.once('exit', this.#leave);
    for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) process.once(signal, () => this.#end(undefined));
    process.stdout.write(ENTER);
    process.stdout.on('resize', this.#resized);
    process.on('SIGTSTP', this.#suspended);
    process.on('SIGCONT', this.#continued);
    // Nothing more is typed.
    process.stdin.on('end', () => this.#end(undefined));
    process.stdin.on('error', this.#hungUp);
    emitKeypressEvents(process.stdin);
    process.stdin.setRawMode?.(true);
    process.stdin.on('keypress', (text: string | undefined, key: { name?: string; ctrl?: boolean }) =>
      this.#key(key.ctrl === true ? `control-${key.name}` : (key.name ?? text ?? ''), text),
    );
    this.#follow();
    this.#redraw();
    return await ended;
  }

  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.#stop();
    process.off('exit', this.#leave);
    process.off('SIGTSTP', this.#suspended);
    process.off('SIGCONT', this.#continued);
    process.stdout.off('resize', this.#resized);
    process.stdin.setRawMode?.(false);
    process.stdin.destroy();
    process.stdout.write(LEAVE);
  }

  #follow(): void {
    this.#stop();
    const path = this.#sockets[this.#bus]!;
    let wanted = true;
    const socket = followBus(
      path,
      this.#intervalMs,
      (sample) => {
        if (!wanted || this.#paused) return;
        this.#previous = this.#sample;
        this.#sample = sample;
        this.#redraw();
      },
      (reason) => wanted && this.#gone(reason),
    );
    this.#stop = () => {
      wanted = false;
      socket.destroy();
    };
  }

  #gone(reason: string): void {
    this.#sockets.splice(this.#bus, 1);
    if (this.#sockets.length === 0) this.#end(reason);
    else this.#change(0);
  }

  /** Goes on to another bus, or with another interval. */
  #change(by: number): void {
    this.#bus = (this.#bus + by) % this.#sockets.length;
    this.#sample = undefined;
    this.#previous = undefined;
    this.#skip = 0;
    this.#follow();
  }

  #key(name: string, text: string | undefined): void {
    if (name === 'q' || name === 'control-c') this.#end(undefined);
    else if (name === 'control-z') process.kill(0, 'SIGTSTP');
    else if (name === 's') this.#sort = (this.#sort + 1) % SORTS.length;
    else if (name === 'p') this.#paused = !this.#paused;
    else if (name === 'n') this.#change(1);
    else if (name === 'down') this.#skip = Math.min(this.#skip + 1, this.#rows - 1);
    else if (name === 'up') this.#skip = Math.max(0, this.#skip - 1);
    else if (text === '+' || text === '-') {
      const now = INTERVALS_MS.findIndex((ms) => ms >= this.#intervalMs);
      this.#intervalMs = INTERVALS_MS[Math.min(Math.max(now + (text === '+' ? 1 : -1), 0), INTERVALS_MS.length - 1)]!;
      this.#follow();
    }
    this.#redraw();
  }

  get #rows(): number {
    const { subscriptions = [], connections = [] } = this.#sample?.stats ?? {};
    return Math.max(1, subscriptions.length + connections.length);
  }

  #redraw(): void {
    // A terminal that is slow gets fewer frames.
    if (this.#left || this.#isAway || process.stdout.writableNeedDrain) return;
    const { columns = 80, rows = 24 } = process.stdout;
    if (this.#sample === undefined) {
      // A process that is stopped says nothing for as long as that.
      const waiting = cut(`Waiting for the first sample of ${this.#sockets[this.#bus]}`, columns);
      process.stdout.write(this.#frames.next([waiting], rows));
      return;
    }
    const many = this.#sockets.length > 1 ? `bus ${this.#bus + 1} of ${this.#sockets.length}  ` : '';
    const lines = viewOf(this.#sample, this.#previous, {
      columns,
      rows,
      colour: process.stdout.hasColors?.() ?? false,
      sort: SORTS[this.#sort]!,
      skip: this.#skip,
      which: `${many}every ${this.#intervalMs / 1_000} s`,
      paused: this.#paused,
    });
    const frame = this.#frames.next(lines, rows);
    if (frame !== '') process.stdout.write(frame);
  }
}
