/**
 * The process of the cold cases: starts subscriber threads, and as soon as they are ready sends them the first events of
 * their lives. Prints the ms until all threads have read all fields of all of them, and the processor time that all of it took.
 *
 * Arguments: the case, the subject, the number of threads, the number of events.
 */
import { recurring } from '../object-events.js';
import { broadcastChannel, postMessage, ringcast, type TransportKind } from '../transports.js';
import { VerifiedSending } from '../verified-sending.js';

export interface ColdCost {
  readonly elapsedMs: number;
  /** Of all threads, those of V8's compilers included. */
  readonly cpuMs: number;
}

export type ColdSubject = 'ringcast' | 'postMessage' | 'BroadcastChannel';

const { sent, publish, weigh, count } = recurring;
const kinds: Readonly<Record<ColdSubject, TransportKind>> = {
  ringcast: ringcast('object', publish),
  postMessage: postMessage('postMessage', 'object', sent),
  BroadcastChannel: broadcastChannel('object', sent),
};

const [benchCase, subject, readers, events] = process.argv.slice(2) as [string, ColdSubject, string, string];
const transport = await kinds[subject].open(Number(readers));
const sending = new VerifiedSending(benchCase, subject, transport, weigh, count);
const before = process.cpuUsage();
const elapsedMs = await sending.send(Number(events));
const { user, system } = process.cpuUsage(before);
const cost: ColdCost = { elapsedMs, cpuMs: (user + system) / 1000 };
process.stdout.write(JSON.stringify(cost), () => process.exit());
