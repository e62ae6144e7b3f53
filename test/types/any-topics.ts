/** What must compile on a bus without a topic map, in a strict project. Compiled with everything else, never run. */
import {
  type Bus,
  type CheckedFilter,
  createBus,
  type Envelope,
  type SelectedEnvelope,
  type Subscription,
} from '../../src/index.js';

interface Job {
  readonly id: string;
}

/** As an EventEmitter's arguments: the payload is what the handler takes it for. */
export async function payloads(bus: Bus): Promise<void> {
  bus.subscribe('/jobs', ({ event }) => console.log(event.id, event.anything.below));
  bus.subscribe('/jobs', (envelope: Envelope<Job>) => console.log(envelope.event.id));
  bus.subscribe('/jobs', async ({ event }: Envelope<Job>) => console.log(event.id));
  bus.subscribe('/jobs', ({ event }: { event: Job }) => console.log(event.id));
  for await (const { event } of bus.subscribe('/jobs')) console.log(event.id);
  const next: Envelope<Job> = await bus.next('/jobs');
  console.log(next.event.id);
  bus.publish('/jobs', { id: 'a' } satisfies Job);
}

/** A wrapper for a bus without a map. */
export function log(bus: Bus, filter: string | readonly string[], prefix: string): Subscription {
  return bus.subscribe(filter, (envelope) => console.log(prefix, envelope.topic));
}

/** A wrapper that keeps what the bus knows of its topics. */
export function on<Topics extends object, const Filter extends string>(
  bus: Bus<Topics>,
  filter: CheckedFilter<Topics, Filter>,
  handler: (envelope: SelectedEnvelope<Topics, Filter>) => void,
): Subscription {
  return bus.subscribe<Filter>(filter, handler);
}

/** A wrapper whose payload is a parameter. */
export function onEvent<Payload>(bus: Bus, filter: string, handle: (event: Payload) => void): Subscription {
  return bus.subscribe(filter, ({ event }) => handle(event));
}

export function wrapped(): void {
  const untyped = createBus();
  on(untyped, '/jobs', ({ event }) => console.log(event.id));
  onEvent<Job>(untyped, '/jobs', ({ id }) => console.log(id));
  const typed = createBus<{ '/jobs': Job }>();
  on(typed, '/jobs', ({ event }) => console.log(event.id satisfies string));
  // @ts-expect-error selects no topic
  on(typed, '/nothing', () => {});
}
