/**
 * Messages to other threads, by the methods that Node has when this module is loaded: what wraps, watches or mocks them later
 * changes nothing of ours.
 */
import { MessageChannel, MessagePort, type Transferable, Worker } from 'node:worker_threads';

const { postMessage } = MessagePort.prototype;
const { postMessage: postMessageToWorker } = Worker.prototype;

/** Nothing is posted where there is no port yet. */
export function post(port: MessagePort | undefined, message: unknown, transferList?: readonly Transferable[]): void {
  if (port !== undefined) postMessage.call(port, message, transferList);
}

export function postToWorker(worker: Worker, message: unknown): void {
  postMessageToWorker.call(worker, message);
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
  const { port1 } = new MessageChannel();
  const isOpen = returned(port1, undefined) !== false;
  port1.close();
  return isOpen;
}

function returned(port: MessagePort, message: unknown): unknown {
  return postMessage.call(port, message) as unknown;
}
