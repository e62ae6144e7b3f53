/** A process with a bus that is mirrored on a stream: what tests of several machines run. */
import { connect } from '@nats-io/transport-node';
import { natsBridge } from '../../src/bridges/nats/index.js';
import { createBus } from '../../src/index.js';

/** From the test: publish that many events; say what came in. */
export type ToProcess = { readonly publish: number } | { readonly report: true };

/** Of what came in on one topic. */
export interface Arrived {
  first: number;
  last: number;
  count: number;
  /** Events that did not follow the one before them. */
  outOfOrder: number;
}

/** To the test. */
export interface FromProcess {
  readonly ready?: true;
  readonly published?: true;
  readonly arrived?: Readonly<Record<string, Arrived>>;
  readonly acked?: number;
  readonly own?: number;
  readonly gaps?: number;
  readonly cpuMs?: number;
}

const [port, topic, durable] = process.argv.slice(2);
const tell = (message: FromProcess): void => void process.send!(message);

const bus = createBus();
const arrived: Record<string, Arrived> = {};
bus.subscribe('/from/**', (envelope) => {
  if (envelope.origin === undefined) return;
  const { id } = envelope.event as { id: number };
  const known = arrived[envelope.topic];
  if (known === undefined) arrived[envelope.topic] = { first: id, last: id, count: 1, outOfOrder: 0 };
  else {
    if (id !== known.last + 1) known.outOfOrder++;
    known.last = id;
    known.count++;
  }
});
const connection = await connect({
  servers: `127.0.0.1:${port}`,
  maxReconnectAttempts: -1,
  reconnectTimeWait: 100,
  noAsyncTraces: true,
});
let gaps = 0;
const bridge = await natsBridge(bus, {
  connection,
  stream: 'EVENTS',
  create: {},
  out: { filter: '/**' },
  in: durable === undefined ? {} : { durable },
});
bridge.on('gap', () => gaps++);
await bridge.ready;

process.on('message', (message: ToProcess) => void act(message));
// A test that is over takes its processes along.
process.on('disconnect', () => process.exit());
tell({ ready: true });

async function act(message: ToProcess): Promise<void> {
  if ('publish' in message) {
    for (let id = 0; id < message.publish; id++) if (!bus.publish(topic!, { id })) await bus.writable();
    tell({ published: true });
    return;
  }
  const { acked, own } = bridge.stats();
  const { user, system } = process.cpuUsage();
  tell({ arrived, acked, own, gaps, cpuMs: (user + system) / 1_000 });
}
