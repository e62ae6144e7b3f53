/** An event is published as what its class says, whatever was published before it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TaskExit } from '../../src/events.js';
import { createBus, InvalidEventError } from '../../src/index.js';

/** An event type of which nothing is written. */
class Parent {
  readonly pid = 1;
  static readonly typeUrl: string = 'acme.Parent';
  static encode(_event: unknown, _target: Buffer, position: number): number {
    return position;
  }
  static decode(): Parent {
    return new Parent();
  }
}

class Child extends Parent {
  static override readonly typeUrl = 'acme.Child';
}

class Stranger extends Parent {
  static override readonly typeUrl = 'acme.Stranger';
  static override [Symbol.hasInstance](): boolean {
    throw new Error('asks nobody');
  }
}

async function typesOf(events: readonly unknown[]): Promise<string[]> {
  await using bus = createBus();
  const types: string[] = [];
  bus.subscribe('/a', ({ typeUrl }) => void types.push(typeUrl));
  for (const event of events) bus.publish('/a', event);
  await bus.close();
  return types;
}

test('classes take turns with their subclasses', async () => {
  const events = [new Child(), new Parent(), new Child(), new Parent(), new Parent(), new Child(), new Child()];
  const names = ['Child', 'Parent', 'Child', 'Parent', 'Parent', 'Child', 'Child'];
  assert.deepEqual(
    await typesOf(events),
    names.map((name) => `acme.${name}`),
  );
});

test('a class that tells nobody which are its instances is asked no such thing', async () => {
  const types = await typesOf([new Stranger(), new Stranger(), new TaskExit(), new Stranger()]);
  assert.deepEqual(types, ['acme.Stranger', 'acme.Stranger', TaskExit.typeUrl, 'acme.Stranger']);
});

test('an instance whose constructor throws is what it is', async () => {
  const odd = Object.defineProperty(new TaskExit(), 'constructor', {
    get() {
      throw new Error('not today');
    },
  });
  assert.deepEqual(await typesOf([new TaskExit(), odd]), [TaskExit.typeUrl, TaskExit.typeUrl]);
});

test('a plain object that names an event class as its constructor is no event of that class', async () => {
  await using bus = createBus();
  bus.subscribe('/a', () => {});
  bus.publish('/a', new TaskExit());
  assert.throws(() => bus.publish('/a', { constructor: TaskExit, pid: 7 }), InvalidEventError);
});
