/**
 * Messages to other threads, by the methods that Node has when a thread first needs one: what wraps, watches or mocks them
 * later changes nothing of ours.
 */
import type { MessagePort, Transferable, Worker } from 'node:worker_threads';
import { workerThreads } from './worker-threads.js';

/** How often, and how long each time, a thread waits to be stopped. */
const END_WAITS = 1_000;
const END_WAIT_MS = 10;
const never = new Int32Array(new SharedArrayBuffer(4));

/**
 * Takes the next message that waits on a port; undefined: none does. No message of ours is undefined.
 *
 * Does not return in a thread that is being ended from outside. Node marks such a thread before it stops it: a moment, or
 * milliseconds where cores are busy. Until then the thread runs on, but each message that it takes is dropped, and comes as undefined.
 * Whoever went on would act as if nothing had been said. An error would be worse: a handler would fail on an event that is to
 * come again.
 */
export function takeMessage(port: MessagePort): unknown {
  const entry = workerThreads().receiveMessageOnPort(port);
  if (entry === undefined || entry.message !== undefined) return entry?.message;
  for (let waits = 0; waits < END_WAITS; waits++) Atomics.wait(never, 0, 0, END_WAIT_MS);
  throw new Error('this thread is being ended');
}

/** Takes all messages that wait on a port, as {@link takeMessage} does. */
export function takeMessages<Message>(port: MessagePort, take: (message: Message) => void): void {
  for (let message = takeMessage(port); message !== undefined; message = takeMessage(port)) take(message as Message);
}

/** Nothing is posted where there is no port yet. */
export function post(port: MessagePort | undefined, message: unknown, transferList?: readonly Transferable[]): void {
  if (port !== undefined) workerThreads().postMessage.call(port, message, transferList);
}

export function postToWorker(worker: Worker, message: unknown): void {
  workerThreads().postMessageToWorker.call(worker, message);
}

/**
 * Posts a message, and tells whether nobody will hear it, as the other end is closed.
 *
 * Node's method returns false then: documented nowhere, and so on Node 20, 22, 24 and 26. Where it does not, or was wrapped
 * before, nothing is told.
 */
export function postUnheard(port: MessagePort, message: unknown): boolean {
  isTold ??= isOpenTold();
  return returned(port, message) === false && isTold;
}

let isTold: boolean | undefined;

/** Whether a wrapper leaves the answer alone: it may return false always. */
function isOpenTold(): boolean {
  const { port1 } = new (workerThreads().MessageChannel)();
  const isOpen = returned(port1, undefined) !== false;
  port1.close();
  return isOpen;
}

function returned(port: MessagePort, message: unknown): unknown {
  return workerThreads().postMessage.call(port, message) as unknown;
}
