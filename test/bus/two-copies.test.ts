/** Two copies of the package in one thread, as bundlers, test runners and version conflicts make them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as oneEvents from '../../src/events.js';
import * as one from '../../src/index.js';

// The published bundle is a copy of its own, beside the compiled modules.
const lib = new URL('../../lib/', import.meta.url);
const two = (await import(new URL('index.js', lib).href)) as typeof one;
const twoEvents = (await import(new URL('events.js', lib).href)) as typeof oneEvents;

const copies = {
  'an event class of the other copy': [one, twoEvents],
  'the other way round': [two, oneEvents],
} as const;

describe('two copies', () => {
  test('are two', () => {
    assert.notEqual(one.Bus, two.Bus);
    assert.notEqual(oneEvents.TaskExit, twoEvents.TaskExit);
  });

  for (const [name, [{ createBus }, { TaskExit }]] of Object.entries(copies)) {
    test(`${name} is sent as the type that it is, and conditions on its fields hold`, async () => {
      const bus = createBus();
      const got: unknown[] = [];
      bus.subscribe('event.exit_status==137', ({ typeUrl, event }) => void got.push(typeUrl, event.exitStatus));
      bus.publish('/tasks/exit', new TaskExit({ exitStatus: 137 }));
      bus.publish('/tasks/exit', new TaskExit({ exitStatus: 0 }));
      await bus.close();
      assert.deepEqual(got, ['containerd.events.TaskExit', 137]);
    });

    test(`${name}, given in types, is what this thread reads`, async () => {
      const bus = createBus({ types: [TaskExit] });
      const next = bus.next('/tasks/exit');
      bus.publish('/tasks/exit', new TaskExit({ exitStatus: 1 }));
      assert.ok((await next).event instanceof TaskExit);
      await bus.close();
    });
  }

  test('share the context of emissions', async () => {
    const bus = one.createBus();
    const next = bus.next('/x/y');
    one.runWithEmitter(bus.emitter({ prefix: '/x' }), () => two.emit('y', 1));
    assert.equal((await next).event, 1);
    await bus.close();
  });

  test('a class that says that it is a type and cannot be used as one is an error', async () => {
    const bus = one.createBus({ keepUnwanted: true });
    class Mine {
      static readonly typeUrl = 'my.Type';
      readonly id = 1;
    }
    assert.throws(() => bus.publish('/x', new Mine()), { code: 'BUS_INVALID_EVENT', message: /"Mine".*typeUrl/ });
    assert.throws(() => one.createBus({ types: [Mine as never] }), { code: 'BUS_INVALID_OPTION' });
    await bus.close();
  });
});
