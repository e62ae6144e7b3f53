/** The subscriber thread of postMessage and BroadcastChannel. */
import { BroadcastChannel, parentPort, workerData } from 'node:worker_threads';
import { readBytes, readLazy, readObject, type SentObject, type SentPayload } from './reading.js';
import type { ReaderData } from './ringcast-reader.js';
import { ReaderTally } from './tally.js';

export interface MessageReaderData extends ReaderData {
  /** Name of the BroadcastChannel; undefined: messages come from the parent. */
  readonly channel: string | undefined;
}

const { tally: buffer, reader, reading, channel } = workerData as MessageReaderData;
const tally = new ReaderTally(buffer, reader);

function readMessage(message: unknown): number {
  if (reading === 'bytes') return readBytes(message as Uint8Array);
  const { topic, namespace, timestamp, event } = message as SentObject;
  if (reading === 'object') return readObject(topic, namespace, timestamp, event);
  // Whoever sends objects has decoded them all before the handler: the id stands in for the payload.
  return event === undefined ? readLazy(topic, (message as SentPayload).payload) : topic.length + event.id.length;
}

const receive = (message: unknown): void => tally.count(readMessage(message));

if (channel === undefined) {
  parentPort!.on('message', receive);
} else {
  new BroadcastChannel(channel).onmessage = (event: unknown) => receive((event as { data: unknown }).data);
}
parentPort!.postMessage('ready');
