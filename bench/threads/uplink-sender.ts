/** A thread that sends events to the main one, in one of several ways, as many as it is told to each time. */
import { BroadcastChannel, type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { type BusHandle, connectBus } from 'ringcast';
import { EVENT_MASK, NAMESPACE, plainEvents, TOPIC, typedEvents } from '../corpus.js';
import type { SentObject } from './reading.js';

export interface UplinkSenderData {
  readonly way: 'ringcast' | 'postMessage' | 'port' | 'channel';
  readonly bus?: BusHandle;
  readonly port?: MessagePort;
  readonly channel?: string;
  /** How many have arrived, of the ways that have no back-pressure of their own. */
  readonly received: Int32Array;
}

/** Messages on their way: an unbounded queue was no faster. */
const MAX_IN_FLIGHT = 4096;
const LOOK_EVERY = 256;

const { way, bus, port, channel, received } = workerData as UplinkSenderData;

function senderOf(): (count: number) => Promise<void> {
  if (way === 'ringcast') {
    const connection = connectBus(bus!);
    return async (count) => {
      for (let i = 0; i < count; i++) {
        if (!connection.publish(TOPIC, typedEvents[i & EVENT_MASK])) await connection.writable();
      }
    };
  }
  const target = way === 'port' ? port! : way === 'channel' ? new BroadcastChannel(channel!) : parentPort!;
  let sent = 0;
  return async (count) => {
    for (let i = 0; i < count; i++) {
      if (sent++ % LOOK_EVERY === 0) {
        for (let arrived = Atomics.load(received, 0); sent - arrived > MAX_IN_FLIGHT; ) {
          Atomics.wait(received, 0, arrived, 100);
          arrived = Atomics.load(received, 0);
        }
      }
      const message: SentObject = {
        topic: TOPIC,
        namespace: NAMESPACE,
        timestamp: Date.now(),
        event: plainEvents[i & EVENT_MASK]!,
      };
      target.postMessage(message);
    }
  };
}

const send = senderOf();
parentPort!.on('message', (count: number) => void send(count));
parentPort!.postMessage('ready');
