/** The subscriber module of the case `start/first-event`: says that an event has arrived. */
import type { Envelope, SubscriberContext } from 'ringcast';

export default function tell(envelope: Envelope, { data }: SubscriberContext<SharedArrayBuffer>): void {
  const cells = new Int32Array(data);
  Atomics.store(cells, 0, envelope.topic.length);
  Atomics.notify(cells, 0);
}
