/** What functions of users take in a strict project: envelopes and buses of any topics. Compiled with everything else, never run. */
import type { TaskExit } from '../../src/events.js';
import {
  type Bus,
  type BusConnection,
  createBus,
  type Envelope,
  type EnvelopeViews,
  type Handler,
  type Subscription,
  type TopicEnvelope,
  type TopicOf,
} from '../../src/index.js';
import { instrument } from '../../src/opentelemetry/index.js';

interface Order {
  readonly id: string;
  readonly tags: string[];
}
interface Topics {
  '/tasks/exit': TaskExit;
  '/orders/new': Order;
}

const log = (envelope: Envelope): void => console.log(envelope.topic);
const idOf = (envelope: Envelope<{ id: string }>): string => envelope.event.id;
const payloadOf = <T>(envelope: Envelope<T>): Envelope<T>['event'] => envelope.event;

export async function envelopes(bus: Bus<Topics>, order: Envelope<Order>, any: Envelope): Promise<void> {
  log(order);
  idOf(order);
  payloadOf(order).tags.at(0);
  const orders: Envelope<Order>[] = [order.detach()];
  const all: readonly Envelope[] = [...orders, any];
  const kept: Promise<Envelope> = bus.next('/tasks/*');
  const views: EnvelopeViews = null as unknown as EnvelopeViews<Order>;
  const wider: TopicEnvelope<string, { id: string }> = null as unknown as TopicEnvelope<'/orders/new', Order>;
  const handler: Handler<Envelope<{ id: string }>> = idOf;
  bus.subscribe('/orders/*', handler);
  bus.subscribe('/**', log);
  for await (const envelope of bus.subscribe('/orders/new')) log(envelope);
  console.log(all, kept, views, wider);
  // @ts-expect-error: anything is no order
  idOf(any);
  // @ts-expect-error: nobody changes an event that others get too
  payloadOf(order).tags.push('a');
  // @ts-expect-error: another event
  const exit: Envelope<TaskExit> = order;
  console.log(exit);
}

/** A wrapper of publish whose topic is a parameter. */
export function publish<Topic extends TopicOf<Topics>>(
  bus: Bus<Topics> | BusConnection<Topics>,
  topic: Topic,
  event: Topics[Topic],
): void {
  if (!bus.tryPublish(topic, event)) bus.publishSync(topic, event);
  bus.publish(topic, event);
}

/** A function that takes every bus. */
export const count = (bus: Bus<any>, handle: (envelope: Envelope) => void): Subscription => bus.subscribe('**', handle);

export function buses(): void {
  const typed = createBus<Topics>();
  instrument(typed);
  instrument(createBus());
  count(typed, log);
  count(createBus(), log);
  const frozen: Topics['/orders/new'] = Object.freeze({ id: 'o', tags: [] });
  publish(typed, '/orders/new', frozen);
  // @ts-expect-error: the event of another topic
  publish(typed, '/tasks/exit', frozen);
}
