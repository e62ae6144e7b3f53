/** The threads of the cases of latency over connections: one that sends by the clock, and one that receives. Ended by their owner. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { type BusConnection, type BusHandle, connectBus } from 'ringcast';
import { TOPIC, typedEvents } from '../corpus.js';
import { LatencyBoard, nowNs } from './latency-board.js';

export interface UplinkLatencyData {
  readonly role: 'sender' | 'receiver' | 'newcomer';
  readonly board: SharedArrayBuffer;
  /** One of the two is how events travel. */
  readonly bus?: BusHandle;
  readonly port?: MessagePort;
}

/** What the sender is told. */
export interface Burst {
  readonly events: number;
  readonly intervalUs: number;
}

const { role, board: buffer, bus, port } = workerData as UplinkLatencyData;
const board = new LatencyBoard(buffer);
const main = parentPort!;

/** Until the owner has said what is wanted, everything is sent. */
async function met(connection: BusConnection): Promise<void> {
  while (connection.stats().unwanted === 0) {
    connection.publish('/nobody/wants', null);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

if (role === 'receiver') {
  if (port !== undefined) port.on('message', () => board.arrived());
  else
    await connectBus(bus!)
      .subscribe(TOPIC, () => board.arrived())
      .ref().ready;
} else if (role === 'sender') {
  const connection = bus === undefined ? undefined : connectBus(bus);
  if (connection !== undefined) await met(connection);
  const message = { topic: TOPIC, event: { ...typedEvents[0] } };
  const send =
    connection === undefined
      ? (): void => port!.postMessage(message)
      : (): void => void connection.publish(TOPIC, typedEvents[0]);
  main.on('message', ({ events, intervalUs }: Burst) => {
    const startNs = nowNs() + 1e6;
    for (let i = 0; i < events; i++) {
      const dueNs = startNs + i * intervalUs * 1000;
      board.due[i] = dueNs;
      while (nowNs() < dueNs);
      send();
    }
  });
} else {
  // Connects when it is told to, and says how long it took until the owner had said what is wanted.
  main.on('message', async () => {
    const startMs = performance.now();
    board.due[0] = nowNs();
    const connection = connectBus(bus!);
    connection.publish(TOPIC, typedEvents[0]);
    await met(connection);
    main.postMessage(performance.now() - startMs);
    await connection.close();
  });
}
main.postMessage('ready');
