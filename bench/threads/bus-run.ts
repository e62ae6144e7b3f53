/** The process of the case that measures the memory of a bus: prints the resident bytes that the first one adds. */
import { createBus } from 'ringcast';
import { TOPIC, typedEvents } from '../corpus.js';

const before = process.memoryUsage.rss();
const bus = createBus();
bus.subscribe(TOPIC, () => {});
bus.publish(TOPIC, typedEvents[0]);
const rssBytes = process.memoryUsage.rss() - before;
process.stdout.write(JSON.stringify(rssBytes), () => process.exit());
