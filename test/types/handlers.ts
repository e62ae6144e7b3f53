/**
 * What a handler may return in a strict project: anything. Only a promise means something, and what else an arrow function
 * happens to return nobody has to throw away by hand. Compiled with everything else, never run.
 */
import { Readable } from 'node:stream';
import { TaskExit, type TaskStart } from '../../src/events.js';
import {
  type Bus,
  type Envelope,
  emit,
  type Handler,
  runWithEmitter,
  type SubscriberFunction,
  type SubscriberModule,
  type SubscriberObject,
  withNamespace,
} from '../../src/index.js';
import type { TestBus } from '../../src/testing/index.js';

interface Topics {
  '/tasks/start': TaskStart;
  '/tasks/exit': TaskExit;
  '/orders': { readonly id: string };
}

const topics: string[] = [];
const byTopic = new Map<string, unknown>();
const seen = new Set<unknown>();
const sleep = (): Promise<number> => Promise.resolve(1);

export function untyped(bus: Bus): void {
  bus.subscribe('/a', ({ event }) => bus.publish('/b', event));
  bus.subscribe('/a', ({ event }) => bus.tryPublish('/b', event));
  bus.subscribe('/a', ({ event }) => bus.publishSync('/b', event));
  bus.subscribe('/a', ({ topic }) => topics.push(topic));
  bus.subscribe('/a', ({ topic, event }) => byTopic.set(topic, event));
  bus.subscribe('/a', ({ event }) => seen.add(event), { isolate: true });
  bus.subscribe('/a', ({ event }) => seen.delete(event));
  bus.subscribe('/a', ({ topic }) => topic.length > 2 && topics.push(topic));
  bus.subscribe('/a', ({ topic }) => (topic === '/b' ? undefined : sleep()));
  bus.subscribe('/a', () => process.stdout.write('.'));
  bus.subscribe('/a', async ({ event }) => bus.publish('/b', event));
  bus.subscribe('/a', async ({ topic }) => topics.push(topic));
  bus.subscribe('/a', () => sleep());
  bus.subscribe('/a', () => Promise.all([sleep(), sleep()]));
  bus.subscribe('/a', (envelope: Envelope<{ id: number }>) => envelope.event.id);
  bus.subscribe('/a', async (envelope: Envelope<{ id: number }>) => envelope.event.id);
  bus.subscribe('/a', console.log);
  bus.subscribe('/a', bus.emitter().emit.bind(bus, '/b'));
  const handler: Handler = ({ topic }) => topics.push(topic);
  bus.subscribe(['/a', '/b'], handler);
}

export function typed(bus: Bus<Topics>): void {
  bus.subscribe('/tasks/start', ({ event }) => bus.publish('/tasks/exit', new TaskExit({ pid: event.pid })));
  bus.subscribe('/tasks/*', ({ event }) => byTopic.set(event.containerId, event));
  bus.subscribe('/orders', async ({ event }) => topics.push(event.id));
  bus.subscribe('/orders', ({ event }) => topics.push(event.id), { name: 'orders' });
}

export function listeners(bus: Bus): void {
  const subscription = bus.subscribe('/a', () => {});
  subscription.on('error', ({ message }) => topics.push(message));
  subscription.once('error', async ({ message }) => topics.push(message));
  subscription.on('lagged', (lost) => seen.add(lost));
  subscription.prependListener('restart', (error) => byTopic.set('restart', error));
  bus.on('error', (error) => seen.add(error));
  bus.on('drain', () => topics.pop());
  bus.once('evicted', (error) => byTopic.set('evicted', error));
  bus.on('drain', async () => topics.pop());
}

export async function promises(bus: Bus): Promise<void> {
  await bus.next('/a').then(({ topic }) => topics.push(topic));
  await bus.close().then(({ undelivered }) => undelivered);
  const readable = Readable.from(bus.subscribe('/a'));
  readable.on('data', ({ topic }) => topics.push(topic));
}

export function emitting(bus: Bus): boolean {
  const emitter = bus.emitter();
  const accepted: boolean = runWithEmitter(emitter, () => emit('/a', 1));
  return accepted && withNamespace('n', () => emit('/a', 1));
}

/** What modules export. */
export const modules: readonly SubscriberModule[] = [
  ({ topic }) => topics.push(topic),
  async ({ topic }) => topics.push(topic),
  { handle: ({ topic, event }) => byTopic.set(topic, event) },
  { handle: async ({ topic }) => topics.push(topic) },
  { handleBatch: (envelopes) => topics.push(...envelopes.map(({ topic }) => topic)) },
  { handleBatch: async (envelopes) => envelopes.length },
  {
    views: true,
    handleBatch(views) {
      for (const { topic } of views) topics.push(topic);
    },
  },
  {
    setup: ({ signal }) => signal.aborted,
    handle: ({ event }) => seen.add(event),
    teardown: () => topics.pop(),
  },
  { setup: async () => sleep(), handle: () => sleep(), teardown: async () => seen.clear() },
];
export const functionModule: SubscriberFunction<{ readonly max: number }, { readonly id: string }> = (
  { event },
  { data },
) => topics.push(event.id) > data.max;
export const objectModule: SubscriberObject<Set<string>, { readonly id: string }> = {
  handle: ({ event }, { data }) => data.add(event.id),
};

export async function inTests(bus: TestBus): Promise<void> {
  await bus.subscribeInThread('/a', ({ topic }) => topics.push(topic));
  await bus.subscribeInThread('/a', { handleBatch: (envelopes) => envelopes.at(-1) });
  await bus.subscribeInThread('/a', { views: true, handleBatch: (views) => views.length });
  // @ts-expect-error: views are no array
  await bus.subscribeInThread('/a', { views: true, handleBatch: (views) => views.at(-1) });
  bus.subscribe('/a', ({ topic }) => topics.push(topic));
  await bus.assertPublished('/a', (event) => event.id === 1);
  await bus.assertNotPublished('/a', (event) => event.items.length > 2);
  await bus.assertPublished('/a', ({ id }: { id: number }) => id === 1);
  await bus.assertPublished('/a', { id: 1 });
  await bus.assertPublished('/a', 'text');
  await bus.assertPublished('/a', null);
}
