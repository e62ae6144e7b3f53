/** A thread that runs a few lines of a test, with the package loaded. */
import { Worker, type WorkerOptions } from 'node:worker_threads';
import { LIBRARY } from './published.js';

export class ScriptedThread {
  readonly worker: Worker;
  /** Exit code; when it failed, rejects with why. */
  readonly ended: Promise<number>;
  readonly #messages: unknown[] = [];
  #onMessage: (() => void) | undefined;

  /** @param body lines of a module, with `data`, `say` and what `ringcast` exports as `ringcast` */
  constructor(body: string, data: object, options: WorkerOptions = {}) {
    const source = `
      import { parentPort, workerData as data } from 'node:worker_threads';
      import * as ringcast from '${LIBRARY}';
      const say = (message) => parentPort.postMessage(message);
      ${body}
    `;
    const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
    this.worker = new Worker(url, { workerData: data, ...options });
    this.worker.on('message', (message) => {
      this.#messages.push(message);
      this.#onMessage?.();
    });
    this.ended = new Promise((resolve, reject) => {
      this.worker.on('error', reject);
      this.worker.on('exit', resolve);
    });
    this.ended.catch(() => {});
  }

  /** The next thing that it says; rejects when it ends before. */
  async said(): Promise<unknown> {
    const said = new Promise<void>((resolve) => {
      this.#onMessage = () => this.#messages.length > 0 && resolve();
      this.#onMessage();
    });
    await Promise.race([said, this.ended]);
    if (this.#messages.length === 0) throw new Error('the thread has ended and said nothing');
    return this.#messages.shift();
  }
}
