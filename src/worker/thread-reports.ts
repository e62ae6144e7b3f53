/** What a subscriber thread tells the bus besides its counters: failures of handlers, missed records, room that it made. */
import type { MessagePort } from 'node:worker_threads';
import { post } from '../host/ports.js';
import { KeptLag, type MissedGaps, mergeGaps } from './kept-lag.js';
import { Reports } from './reports.js';
import { FAILURES_HEARD, LAGS_HEARD, ROOMS_HEARD, signalCells } from './signals.js';
import { crossError, type FromThread } from './worker-protocol.js';

interface HandlerFailure {
  readonly error: unknown;
  readonly topic: string;
  readonly sequence: number;
  /** Failures before it that are not told. */
  readonly leftOut: number;
}

export class ThreadReports {
  readonly #port: MessagePort;
  readonly #signals: Int32Array;
  readonly #failures: Reports<HandlerFailure>;
  readonly #gaps: Reports<MissedGaps>;
  #roomsSaid = 0;

  /** @param signals counts what the bus has heard, and keeps what it was not told before the thread ends */
  constructor(port: MessagePort, signals: SharedArrayBuffer) {
    this.#port = port;
    this.#signals = signalCells(signals);
    this.#failures = new Reports(this.#signals, FAILURES_HEARD, {
      send: ({ error, ...failure }) =>
        sendToBus(port, { kind: 'handler-failed', error: crossError(error), ...failure }),
      // The last one is told, with the number of the others.
      merge: (earlier, later) => ({ ...later, leftOut: earlier.leftOut + 1 + later.leftOut }),
    });
    const kept = new KeptLag(signals);
    this.#gaps = new Reports(this.#signals, LAGS_HEARD, {
      send: (gaps) => sendToBus(port, { kind: 'lagged', gaps }),
      merge: mergeGaps,
      onKept: (gaps, number) => kept.store(number, gaps),
    });
  }

  tellFailure(error: unknown, topic: string, sequence: number): void {
    this.#failures.report({ error, topic, sequence, leftOut: 0 });
  }

  tellGaps(gaps: MissedGaps): void {
    this.#gaps.report(gaps);
  }

  /** The bus looks at everything when it hears of room: once is enough until then. */
  tellRoom(): void {
    if (this.#roomsSaid > Atomics.load(this.#signals, ROOMS_HEARD)) return;
    this.#roomsSaid++;
    sendToBus(this.#port, { kind: 'room' });
  }

  /** Sends what was kept back, if the bus has heard enough. */
  catchUp(): void {
    this.#failures.catchUp();
    this.#gaps.catchUp();
  }

  /** Sends everything that was kept back. */
  sendAll(): void {
    this.sendFailures();
    this.#gaps.sendAll();
  }

  /** Sends the failures that were kept back; missed records are told from shared memory when the thread has ended. */
  sendFailures(): void {
    this.#failures.sendAll();
  }
}

export function sendToBus(port: MessagePort, message: FromThread, transferList?: readonly MessagePort[]): void {
  post(port, message, transferList);
}
