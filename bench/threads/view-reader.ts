/** The subscriber of the bus that reads through views. */
import type { SubscriberOfViews } from 'ringcast';
import { readLazy } from './reading.js';
import type { ReaderData } from './ringcast-reader.js';
import { ReaderTally } from './tally.js';

let tally: ReaderTally;

export default {
  views: true,
  setup({ data }) {
    tally = new ReaderTally(data.tally, data.reader);
  },
  handleBatch(views) {
    for (const view of views) tally.count(readLazy(view.topic, view.payload));
  },
} satisfies SubscriberOfViews<ReaderData>;
