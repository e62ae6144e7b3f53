/** What must compile on a bus with typed topics, and what it infers. Compiled with everything else, never run. */
import { TaskExit, type TaskStart } from '../../src/events.js';
import {
  type Bus,
  createBus,
  type DeepReadonly,
  type Envelope,
  type FilterInput,
  type SelectedEnvelope,
  type TopicEnvelope,
} from '../../src/index.js';

interface Order {
  readonly id: number;
  readonly lines: string[];
}

interface Topics {
  '/tasks/start': TaskStart;
  '/tasks/exit': TaskExit;
  '/tasks/exec-added': { readonly execId: string };
  '/images/create': { readonly name: string };
  '/orders': Order;
  '/orders/eu/created': Order;
  [sensor: `/sensors/${string}`]: { readonly celsius: number };
}

/** True where two types are the same, and not merely assignable. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** The topics of the envelopes that a filter selects. */
type Selected<Filter> = SelectedEnvelope<Topics, Filter>['topic'];
type Tasks = '/tasks/start' | '/tasks/exit' | '/tasks/exec-added';
type Orders = '/orders' | '/orders/eu/created';
type Sensors = `/sensors/${string}`;
type All = Tasks | '/images/create' | Orders | Sensors;

/** What filters select that the compiler cannot read: every topic is assumed. Those it can: `test/bus/typed-topics.test.ts`. */
export const assumed: readonly true[] = [
  true satisfies Same<Selected<'topic=="/tasks/exit"'>, All>,
  true satisfies Same<Selected<'/tasks/[a-z]*'>, All>,
  true satisfies Same<Selected<'/tasks/exi?'>, All>,
  true satisfies Same<Selected<'/tasks/{a..z}'>, All>,
  true satisfies Same<Selected<'/tasks/{a,{b,c}}'>, All>,
  true satisfies Same<Selected<{ readonly namespaces: 'k8s.io' }>, All>,
  true satisfies Same<Selected<string>, All>,
  true satisfies Same<Selected<readonly string[]>, All>,
  true satisfies Same<Selected<FilterInput>, All>,
];

export async function typed(bus: Bus<Topics>): Promise<void> {
  bus.publish('/tasks/exit', new TaskExit({ pid: 1 }));
  bus.tryPublish('/tasks/exec-added', { execId: 'e1' }, { namespace: 'k8s.io' });
  bus.publishSync('/orders', { id: 1, lines: ['a'] }, { timeoutMs: 5 });
  bus.publish('/sensors/hall/1', { celsius: 20 });
  // What was received can be published again.
  bus.subscribe('/orders', ({ event }) => void bus.publish('/orders/eu/created', event));

  bus.subscribe('/tasks/exit', (envelope) => {
    true satisfies Same<typeof envelope, TopicEnvelope<'/tasks/exit', TaskExit>>;
    true satisfies Same<typeof envelope.event, DeepReadonly<TaskExit>>;
    const kept: Envelope<TaskExit> = envelope.detach();
    return void kept;
  });
  bus.subscribe(['/tasks/{start,exit}', '/images/*'], (envelope) => {
    true satisfies Same<typeof envelope.event, DeepReadonly<TaskStart | TaskExit | { readonly name: string }>>;
    if (envelope.topic === '/tasks/exit') void envelope.event.exitStatus;
    else if (envelope.topic === '/images/create') void envelope.event.name;
    else void (envelope.event satisfies DeepReadonly<TaskStart>).pid;
  });
  // A handler for more than is selected will do.
  bus.subscribe('/orders/**', (envelope: Envelope) => void envelope.event);
  bus.subscribe('/tasks/*', new URL('file:///module.js'), { data: 1 });
  bus.subscribe('/tasks/*', { name: 'a stream' });
  for await (const envelope of bus.subscribe('/orders/**')) {
    true satisfies Same<typeof envelope.event, DeepReadonly<Order>>;
  }
  const next = await bus.next('/orders/**', { timeoutMs: 5 });
  true satisfies Same<typeof next.event, DeepReadonly<Order>>;
  const filter: string = process.argv[2] ?? '';
  bus.subscribe(filter, (envelope) => void (envelope.topic satisfies All));
}

/** A bus without a map takes everything, as ever. */
export function untyped(bus: Bus): void {
  const made: ReturnType<typeof createBus> = createBus();
  made.publish('/any/topic', { any: 'event' });
  bus.publish('/any/topic', 5n);
  bus.subscribe('/any/**', (envelope) => {
    true satisfies Same<typeof envelope, Envelope<any>>;
    return void envelope.event.any.thing;
  });
  bus.subscribe(['/a', 'topic=="/b"'], async () => {});
}

/** What asks for any bus gets a typed one; what is created typed is one. */
export const made: Bus<Topics> = createBus<Topics>({ namespace: 'tests' });
