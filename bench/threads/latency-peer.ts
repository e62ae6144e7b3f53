/** The reader thread of postMessage and of bare Atomics. Ended by its owner. */
import { parentPort, workerData } from 'node:worker_threads';
import { LatencyBoard } from './latency-board.js';

export interface LatencyPeerData {
  readonly board: SharedArrayBuffer;
  readonly by: 'message' | 'wait';
}

const { board: buffer, by } = workerData as LatencyPeerData;
const board = new LatencyBoard(buffer);
parentPort!.postMessage('ready');

if (by === 'message') {
  parentPort!.on('message', () => board.arrived());
} else {
  for (let known = 0; ; ) {
    const signalled = board.awaitSignal(known);
    // A new round starts from 0.
    if (signalled < known) known = 0;
    for (; known < signalled; known++) board.arrived();
  }
}
