/** One test file in a process of its own, which cannot stay for ever. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { heldOpen, reportOnSignal } from './held-open.js';
import { endTree } from './process-tree.js';

/** What a process that does not end has to say what holds it. */
const REPORT_TIMEOUT_MS = 10_000;
/** What was killed has to close its output. */
const LAST_WORDS_TIMEOUT_MS = 1_000;

/** The counts that node:test prints last; one run has one such list. */
const COUNTS = /(?:^ℹ (?:tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+\n)+/m;

/** How long a process may stay. */
export interface Limit {
  /** Aborted when the process has had its time. */
  readonly signal: AbortSignal;
  /** Called whenever the process has printed something. */
  heard?(): void;
}

export interface TestFileResult {
  /** False also when the process stayed longer than its limit. */
  readonly passed: boolean;
  readonly seconds: number;
  /** What the process has printed, without the counts. */
  readonly output: string;
  readonly counts: ReadonlyMap<string, number>;
}

export class TestProcess {
  readonly #child: ChildProcess;
  /** Made when there is something to write. */
  readonly #folder = join(tmpdir(), `test-process-${randomUUID()}`);
  readonly #startMs = performance.now();
  #output = '';
  #limit: Limit | undefined;
  #isReporting = false;

  /** @param nodeArguments put before the file, such as `--test-name-pattern=REGEX` */
  constructor(file: string, nodeArguments: readonly string[] = []) {
    const nodeOptions = [...reportOnSignal(this.#folder), '--test-reporter=spec', ...nodeArguments];
    this.#child = spawn(process.execPath, [...nodeOptions, file], {
      // A group of its own, which can be ended as a whole.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      // Inherited from a process that is a test itself, node:test would not report in words.
      env: { ...process.env, NODE_TEST_CONTEXT: undefined },
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        // Not what the report's writer says.
        if (this.#isReporting && stream === this.#child.stderr) return;
        this.#output += text;
        this.#limit?.heard?.();
      });
    }
  }

  /** @returns when the process has ended and nothing can print any more, or after the limit: nothing of it is left then */
  async result(limit: Limit | undefined): Promise<TestFileResult> {
    this.#limit = limit;
    let exitCode: unknown;
    try {
      [exitCode] = await once(this.#child, 'close', { signal: limit?.signal });
    } catch {
      const told = await this.#endLate();
      this.#output += told;
    }
    rmSync(this.#folder, { recursive: true, force: true });
    const [counts = ''] = COUNTS.exec(this.#output) ?? [];
    return {
      passed: exitCode === 0,
      seconds: this.#seconds(),
      output: this.#output.replace(counts, ''),
      counts: new Map(Array.from(counts.matchAll(/(\w+) ([\d.]+)\n/g), ([, name, count]) => [name!, Number(count)])),
    };
  }

  end(): void {
    endTree(this.#child.pid!);
    // What has left the group may hold them open.
    this.#child.stdout!.destroy();
    this.#child.stderr!.destroy();
  }

  #seconds(): number {
    return (performance.now() - this.#startMs) / 1e3;
  }

  async #endLate(): Promise<string> {
    const seconds = this.#seconds().toFixed(1);
    if (this.#child.exitCode === null) await this.#reportOrExit();
    const held =
      this.#child.exitCode === null ? heldOpen(this.#folder) : '  its output: a process that it has started\n';
    endTree(this.#child.pid!);
    // What has been printed by now is read, unless something that has left the tree holds that open.
    await Promise.race([once(this.#child, 'close'), wait(LAST_WORDS_TIMEOUT_MS, undefined, { ref: false })]);
    this.end();
    return `\nNot ended within ${seconds} s, and killed. What held it open:\n${held}`;
  }

  async #reportOrExit(): Promise<void> {
    const written = new Promise<void>((resolve) => {
      this.#child.stderr!.on('data', (text: string) => {
        if (text.includes('Node.js report completed')) resolve();
      });
    });
    mkdirSync(this.#folder, { mode: 0o700 });
    this.#isReporting = true;
    this.#child.kill('SIGUSR2');
    await Promise.race([written, once(this.#child, 'exit'), wait(REPORT_TIMEOUT_MS, undefined, { ref: false })]);
  }
}
