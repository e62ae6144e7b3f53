/**
 * Tells the bus of failures of a handler, in messages that it may be long in hearing: some wait on the port at most. What
 * fails meanwhile is counted, and one of them told with the number of the others.
 */
import type { MessagePort } from 'node:worker_threads';
import { crossError, type FromThread } from './worker-protocol.js';

/** Reports that the bus has not heard yet. */
const MAX_UNHEARD = 64;

export class FailureReports {
  readonly #port: MessagePort;
  readonly #heard: Int32Array;
  #sent = 0;
  /** The last one that was not sent, and how many others were not. */
  #kept: { readonly error: unknown; readonly topic: string; readonly sequence: number } | undefined;
  #leftOut = 0;

  /** @param heard the one cell counts reports that the bus has heard */
  constructor(port: MessagePort, heard: SharedArrayBuffer) {
    this.#port = port;
    this.#heard = new Int32Array(heard);
  }

  report(error: unknown, topic: string, sequence: number): void {
    if (this.#kept !== undefined) this.#leftOut++;
    this.#kept = { error, topic, sequence };
    this.catchUp();
  }

  /** Sends what was kept, if the bus has heard enough of what was sent. */
  catchUp(): void {
    // Orders nothing: a count that is seen late only keeps a report back a little longer.
    if (this.#kept !== undefined && this.#sent - Atomics.load(this.#heard, 0) < MAX_UNHEARD) this.sendAll();
  }

  /** Sends what was kept in any case: nothing comes after. */
  sendAll(): void {
    if (this.#kept === undefined) return;
    const { error, topic, sequence } = this.#kept;
    const leftOut = this.#leftOut;
    this.#kept = undefined;
    this.#leftOut = 0;
    this.#sent++;
    const message: FromThread = { kind: 'handler-failed', topic, sequence, error: crossError(error), leftOut };
    this.#port.postMessage(message);
  }
}

/** Said by the bus for each report. */
export function hearReport(heard: SharedArrayBuffer): void {
  Atomics.add(new Int32Array(heard), 0, 1);
}
