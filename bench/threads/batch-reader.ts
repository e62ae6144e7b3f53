/** The subscriber of the case `raw/128B/1`: takes whole batches, and reads the last byte of each payload. */
import type { Envelope, SubscriberContext } from 'ringcast';
import { readBytes } from './reading.js';
import type { ReaderData } from './ringcast-reader.js';
import { ReaderTally } from './tally.js';

let tally: ReaderTally;

export default {
  setup({ data }: SubscriberContext<ReaderData>): void {
    tally = new ReaderTally(data.tally, data.reader);
  },
  handleBatch(envelopes: readonly Envelope[]): void {
    for (let i = 0; i < envelopes.length; i++) tally.count(readBytes(envelopes[i]!.payload));
  },
};
