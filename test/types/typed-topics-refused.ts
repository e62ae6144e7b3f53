/** What must not compile on a bus with typed topics. Compiled with everything else, never run. */
import { TaskExit, TaskStart } from '../../src/events.js';
import type { Bus, Envelope } from '../../src/index.js';

interface Topics {
  '/tasks/start': TaskStart;
  '/tasks/exit': TaskExit;
  '/images/create': { readonly name: string };
}

export function refused(bus: Bus<Topics>, text: string): void {
  // @ts-expect-error no such topic
  bus.publish('/tasks/oom', new TaskExit());
  // @ts-expect-error no such topic
  bus.tryPublish('/tasks', new TaskExit());
  // @ts-expect-error no such topic
  bus.publishSync('tasks/exit', new TaskExit());
  // @ts-expect-error any text is no topic of the map
  bus.publish(text, new TaskExit());
  // @ts-expect-error the payload of another topic
  bus.publish('/tasks/exit', new TaskStart());
  // @ts-expect-error the payload of another topic
  bus.tryPublish('/images/create', new TaskExit());
  // @ts-expect-error a property of another type
  bus.publishSync('/images/create', { name: 5 });
  // @ts-expect-error a property too many
  bus.publish('/images/create', { name: 'a', size: 5 });
  // @ts-expect-error no event
  bus.publish('/images/create');

  // @ts-expect-error selects no topic
  bus.subscribe('/taks/exit', () => {});
  // @ts-expect-error selects no topic
  bus.subscribe('/tasks/*/exit', () => {});
  // @ts-expect-error selects no topic
  bus.subscribe(['/snapshot/**', '/content/*'], () => {});
  // @ts-expect-error selects no topic
  bus.subscribe({ topics: '/snapshot/**' });
  // @ts-expect-error selects no topic
  bus.subscribe('/snapshot/**', new URL('file:///module.js'));
  // @ts-expect-error selects no topic
  void bus.next('/snapshot/**');
  // @ts-expect-error a handler of another payload
  bus.subscribe('/tasks/exit', (envelope: Envelope<{ readonly name: string }>) => void envelope);
  // @ts-expect-error the handler takes one of the payloads only
  bus.subscribe('/tasks/*', (envelope: Envelope<TaskExit>) => void envelope);
  bus.subscribe('/tasks/*', ({ event }) => {
    // @ts-expect-error not a property of both
    return void event.exitStatus;
  });
  bus.subscribe('/images/*', ({ event }) => {
    // @ts-expect-error events are read-only
    event.name = 'b';
  });
}
