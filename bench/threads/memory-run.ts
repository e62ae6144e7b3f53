/**
 * The process of the memory case, started with --expose-gc: publishes events to a reader on another thread and samples
 * memory, after collections on both threads, every so many events. Prints the samples as JSON.
 *
 * Arguments: events between two samples, samples.
 */
import { createBus } from 'ringcast';
import { drained } from '../bus-rig.js';
import { EVENT_MASK, NAMESPACE, plainEvents, TOPIC, typedEvents } from '../corpus.js';
import { CHECKSUM, HEAP_BYTES, MARK_TOPIC, MARKS, REPORT_CELLS } from './memory-reader.js';
import { readObject } from './reading.js';

export interface MemorySample {
  readonly events: number;
  readonly rssBytes: number;
  /** Of both threads. */
  readonly heapBytes: number;
}

const [between, count] = process.argv.slice(2).map(Number) as [number, number];
const bus = createBus({ namespace: NAMESPACE });
const data = new SharedArrayBuffer(REPORT_CELLS * Float64Array.BYTES_PER_ELEMENT);
const report = new Float64Array(data);
await bus.subscribe('/tasks/*', new URL('./memory-reader.js', import.meta.url), { data }).ready;

const samples: MemorySample[] = [];
let checksum = 0;
let events = 0;
for (let sample = 1; sample <= count; sample++) {
  for (let i = 0; i < between; i++, events++) {
    checksum = (checksum + readObject(TOPIC, NAMESPACE, 1, plainEvents[events & EVENT_MASK]!)) | 0;
    if (!bus.publish(TOPIC, typedEvents[events & EVENT_MASK])) await bus.writable();
  }
  bus.publish(MARK_TOPIC, typedEvents[0]);
  while (report[MARKS]! < sample) await new Promise((resolve) => setTimeout(resolve, 1));
  await drained(bus);
  if (report[CHECKSUM] !== checksum)
    throw new Error(`the checksum of ${events} events is ${report[CHECKSUM]}, not ${checksum}`);
  globalThis.gc!();
  const { rss, heapUsed } = process.memoryUsage();
  samples.push({ events, rssBytes: rss, heapBytes: heapUsed + report[HEAP_BYTES]! });
}
await bus.close();
console.log(JSON.stringify(samples));
