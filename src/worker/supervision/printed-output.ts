/** What the threads of a module print, one after another, as streams of the subscription: in place of the process's own. */
import type { PassThrough, Readable } from 'node:stream';

/** Undefined: the process prints it. */
export interface Output {
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
}

export class PrintedOutput implements Output {
  readonly stdout: PassThrough | undefined;
  readonly stderr: PassThrough | undefined;
  /** Resolves when everything that was printed so far has been passed on. */
  #passedOn: Promise<unknown> = Promise.resolve();

  /** @param wanted which of them the owner wants */
  constructor(wanted: Readonly<Record<'stdout' | 'stderr', boolean>>) {
    if (wanted.stdout) this.stdout = passThrough();
    if (wanted.stderr) this.stderr = passThrough();
  }

  /** Appends what a thread prints, after what those before it have printed. */
  append({ stdout, stderr }: Output): void {
    const streams = [pass(stdout, this.stdout), pass(stderr, this.stderr)];
    this.#passedOn = Promise.all([this.#passedOn, ...streams]);
  }

  /** No further thread prints anything. */
  end(): void {
    void this.#passedOn.then(() => {
      this.stdout?.end();
      this.stderr?.end();
    });
  }
}

function passThrough(): PassThrough {
  const { PassThrough: NodePassThrough } = process.getBuiltinModule('node:stream');
  return new NodePassThrough();
}

function pass(from: Readable | undefined, to: PassThrough | undefined): Promise<void> | undefined {
  if (from === undefined || to === undefined) return undefined;
  return new Promise((resolve) => {
    from.once('close', resolve);
    // Destroyed by its reader, it takes no more: what is printed is dropped, and the thread does not wait.
    if (to.destroyed) from.resume();
    else from.pipe(to, { end: false });
    to.once('close', () => from.resume());
  });
}
