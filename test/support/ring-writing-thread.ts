/** Thread of the ring's torture test: joins the readers, then writes all records. */
import { parentPort, workerData } from 'node:worker_threads';
import { slotOf, WAKE } from '../../src/ring/control-descriptor.js';
import { EVENT_RECORD, UNIT_BYTES, UNIT_WORDS } from '../../src/ring/record-descriptor.js';
import { attachRing } from '../../src/ring/ring-memory.js';
import { RingWriter } from '../../src/ring/ring-writer.js';
import { mix, pause, TRAFFIC_READERS, type Traffic, unitsOfRecord, wantsOf } from './ring-traffic.js';

const traffic = workerData as Traffic;
const memory = attachRing(traffic.buffers);
const notify = (reader: number): void => memory.cells.notify(slotOf(reader) + WAKE);
const writer = new RingWriter(memory, notify, traffic.startPosition);
for (let reader = 0; reader < TRAFFIC_READERS; reader++) writer.join(true);
parentPort!.postMessage('joined');

let scheduled = false;
let blocks = 0;
for (let sequence = 0; sequence < traffic.records; sequence++) {
  const units = unitsOfRecord(sequence, traffic);
  const dice = mix(sequence * 3 + traffic.seed);
  let offset = -1;
  if (dice & 1) {
    writer.open(units * UNIT_BYTES);
    if (writer.windowEnd - writer.windowStart >= units * UNIT_BYTES) offset = writer.windowStart;
    // All of a window may be used while encoding, whatever is committed then.
    memory.words.fill(-1, writer.windowStart >> 2, writer.windowEnd >> 2);
  }
  while (offset < 0 && (offset = writer.claim(units * UNIT_BYTES)) < 0) {
    blocks++;
    // Room for the longest padding, too.
    writer.wait.block(units * UNIT_BYTES * (2 + (dice % 3)), 10_000);
  }
  memory.words.fill(sequence, (offset >> 2) + UNIT_WORDS, (offset >> 2) + units * UNIT_WORDS);
  writer.commit(units * UNIT_BYTES, EVENT_RECORD, 1, 0, 0, 0, 0, wantsOf(sequence, traffic), 0);
  if (dice % 13 === 0) {
    writer.flush();
    scheduled = false;
  } else if (!scheduled) {
    scheduled = writer.flushDue;
  }
  // So long a pause that readers fall asleep; a burst always ends with its flush.
  if (dice % 4001 === 0) {
    if (scheduled) writer.flush();
    scheduled = false;
    pause(1);
  }
}
writer.flush();
parentPort!.postMessage({ wakes: writer.waker.wakes, blocks });
