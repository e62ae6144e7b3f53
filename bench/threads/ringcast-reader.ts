/** The subscriber of the bus in the fan-out cases. */
import type { Envelope, SubscriberContext } from 'ringcast';
import type { PlainTaskExit } from '../corpus.js';
import { type Reading, readLazy, readObject } from './reading.js';
import { ReaderTally } from './tally.js';

export interface ReaderData {
  readonly tally: SharedArrayBuffer;
  readonly reader: number;
  readonly reading: Reading;
}

type Read = (envelope: Envelope) => number;

const object: Read = (envelope) =>
  readObject(envelope.topic, envelope.namespace, envelope.timestamp, envelope.event as PlainTaskExit);
const lazy: Read = (envelope) => readLazy(envelope.topic, envelope.payload);

let tally: ReaderTally;
let read: Read;

export default {
  setup({ data }: SubscriberContext<ReaderData>): void {
    tally = new ReaderTally(data.tally, data.reader);
    read = data.reading === 'object' ? object : lazy;
  },
  handle(envelope: Envelope): void {
    tally.count(read(envelope));
  },
};
