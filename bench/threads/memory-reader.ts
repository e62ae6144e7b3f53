/** The subscriber of the memory case: reads every field; at a mark, collects garbage and tells what is left. */
import type { Envelope, SubscriberContext } from 'ringcast';
import type { PlainTaskExit } from '../corpus.js';
import { readObject } from './reading.js';

/** The topic of marks. */
export const MARK_TOPIC = '/tasks/mark';

/** Indexes into the Float64Array over `data`, written in this order. */
export const HEAP_BYTES = 0;
export const CHECKSUM = 1;
export const MARKS = 2;
export const REPORT_CELLS = 3;

let report: Float64Array;
let checksum = 0;

export default {
  setup({ data }: SubscriberContext<SharedArrayBuffer>): void {
    report = new Float64Array(data);
  },
  handle({ topic, namespace, timestamp, event }: Envelope): void {
    if (topic !== MARK_TOPIC) {
      checksum = (checksum + readObject(topic, namespace, timestamp, event as PlainTaskExit)) | 0;
      return;
    }
    globalThis.gc!();
    report[HEAP_BYTES] = process.memoryUsage().heapUsed;
    report[CHECKSUM] = checksum;
    report[MARKS]!++;
  },
};
