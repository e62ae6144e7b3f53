/** The task of piscina's pools in the forward cases. */
import { workerData } from 'piscina';
import { readBytes } from './reading.js';
import type { ReaderData } from './ringcast-reader.js';
import { ReaderTally } from './tally.js';

const { tally: buffer, reader } = workerData as ReaderData;
const tally = new ReaderTally(buffer, reader);

export default function receive(bytes: Uint8Array): void {
  tally.count(readBytes(bytes));
}
