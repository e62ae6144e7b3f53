/** Whether a thread is gone, before its exit is heard of: asked while this thread is blocked, and where Node says nothing. */
import type { MessagePort } from 'node:worker_threads';
import { post, postUnheard } from '../../host/ports.js';
import { monotonicMs } from '../../host/timing.js';
import { WAKES_HEARD } from '../signals.js';
import { WAKE_MESSAGE } from '../worker-protocol.js';

/** Between two looks whether a thread is gone. */
const PROBE_MS = 40;
/** Looks that a thread does not hear of before they become noticeably fewer. */
const PROBES_AT_FULL_PACE = 8;

export class ThreadProbe {
  readonly #port: MessagePort;
  readonly #signals: Int32Array;
  #wakes = 0;
  /** When it is looked again. */
  #probeAtMs = 0;
  #isGone = false;

  /** @param port to the thread, of which it holds the other end until it is gone */
  constructor(port: MessagePort, signals: Int32Array) {
    this.#port = port;
    this.#signals = signals;
    port.once('close', () => {
      this.#isGone = true;
    });
  }

  /** Tells a cooperative loop that its wake word is AWAKE. */
  wake(): void {
    this.#wakes++;
    post(this.#port, WAKE_MESSAGE);
  }

  /**
   * Whether the thread has ended, or is past running anything: it has let go of the other end of the port. Only a message
   * tells, so the fewer a thread hears, the more seldom it is looked.
   */
  get isGone(): boolean {
    if (this.#isGone) return true;
    const nowMs = monotonicMs();
    if (nowMs < this.#probeAtMs) return false;
    const unheard = this.#wakes - Atomics.load(this.#signals, WAKES_HEARD);
    this.#probeAtMs = nowMs + PROBE_MS * (1 + unheard / PROBES_AT_FULL_PACE);
    this.#wakes++;
    // A thread's end closes its port after its last code has run, 'exit' listeners included, however the thread ends. Where
    // that is not told, nothing is gone before its port or its exit is heard of.
    this.#isGone = postUnheard(this.#port, WAKE_MESSAGE);
    return this.#isGone;
  }
}
