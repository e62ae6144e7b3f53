/** The process of the case that measures the memory of a bus: prints what the first one adds. */
import { createBus } from 'ringcast';
import { TOPIC, typedEvents } from '../corpus.js';

/** What a bus takes. */
export interface BusCost {
  readonly rssBytes: number;
}

const before = process.memoryUsage.rss();
const bus = createBus();
bus.subscribe(TOPIC, () => {});
bus.publish(TOPIC, typedEvents[0]);
const cost: BusCost = { rssBytes: process.memoryUsage.rss() - before };
process.stdout.write(JSON.stringify(cost), () => process.exit());
