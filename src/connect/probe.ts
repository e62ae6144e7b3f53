/**
 * Finds out whether a thread is gone that has said hello and whose port has not come: a thread may die with its first words still
 * on their way, and they are lost with it.
 *
 * A message to a thread that Node does not know fails. Node knows each thread before it runs, but for one that a thread other
 * than the main one has just started: that may be told to the main thread in the same turn of its loop as our message. So the
 * second failure in a row, of a message that was sent when the first had come back, is certain.
 */
import { workerThreads } from '../host/worker-threads.js';

/** Connected threads listen, so that there is nobody to hear it only where the thread is gone. */
const PROBE = { ringcastProbe: true };
/** Failures in a row. */
const CERTAIN = 2;
/** The same of an owner that has heard of the thread, with no answer to the rings meanwhile. */
const CERTAIN_IF_HEARD = 20;

/** Whether a message has failed because Node knows no such thread, or none that listens. */
function isNobody(error: { readonly code?: string }): boolean {
  return error.code === 'ERR_WORKER_MESSAGING_FAILED';
}

/** A message to a thread that ends before it has read it is never answered. It says nothing: the next one does. */
const ANSWER_MS = 1_000;

export class Probe {
  #failures = 0;
  #isOut = false;

  /** Asks for the thread, unless the last answer is still to come. */
  send(threadId: number, onGone: () => void): void {
    if (this.#isOut) return;
    this.#isOut = true;
    const { postMessageToThread } = workerThreads();
    postMessageToThread(threadId, PROBE, ANSWER_MS).then(
      () => {
        this.#isOut = false;
        this.#failures = 0;
      },
      (error: { readonly code?: string }) => {
        this.#isOut = false;
        if (!isNobody(error)) this.#failures = 0;
        else if (++this.#failures >= CERTAIN) onGone();
      },
    );
  }
}

/**
 * The same question of the thread that owns a bus, as a thread asks it that has not met it: with its first words in the place of the
 * probe.
 *
 * An owner that has heard of the thread may live and be deaf to such messages, where something else is in the place of Node's
 * process. So the thread rings for it after each failure, and VERSION, which it counts up then, says that it lives. Only one
 * that is deaf, and blocked for as long as all these failures take, is taken for gone although it is not.
 */
export class OwnerAbsence {
  /** Failures in a row. */
  failures = 0;
  #version = 0;

  /**
   * A try has failed. Returns whether it is certain that the owner is gone.
   *
   * @param before {@link failures} as the try was sent
   * @param version VERSION of the uplink; 0: the owner has not heard of the thread
   */
  failed(error: { readonly code?: string }, before: number, version: number): boolean {
    const lives = version !== this.#version;
    this.#version = version;
    this.failures = isNobody(error) && !lives ? before + 1 : 0;
    return this.failures >= (version === 0 ? CERTAIN : CERTAIN_IF_HEARD);
  }
}
