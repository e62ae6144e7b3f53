/** The subscriber of the bus in the latency cases. */
import type { Envelope, SubscriberContext } from 'ringcast';
import { LatencyBoard } from './latency-board.js';

let board: LatencyBoard;

export default {
  setup({ data }: SubscriberContext<SharedArrayBuffer>): void {
    board = new LatencyBoard(data);
  },
  handle(_envelope: Envelope): void {
    board.arrived();
  },
};
