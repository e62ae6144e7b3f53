/** What users of other libraries try first, and what would do nothing or lose something without a word. */
import assert from 'node:assert/strict';
import type { EventEmitter } from 'node:events';
import { describe, test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { type Bus, connectBus, createBus, type Envelope } from '../../src/index.js';

const module = new URL('../fixtures/workers/recorder.js', import.meta.url);

describe('what would do nothing', () => {
  test('emitting and listening as on an EventEmitter is refused, and says what to call', async () => {
    const bus = createBus() as unknown as import('node:events').EventEmitter & ReturnType<typeof createBus>;
    const subscription = bus.subscribe('/x', () => {}) as unknown as import('node:events').EventEmitter;
    for (const target of [bus, subscription]) {
      for (const topic of ['/x', '/x/**', '**']) {
        const refused = { code: 'BUS_INVALID_OPTION', message: /call bus\.publish or bus\.subscribe for topics/ };
        assert.throws(() => target.emit(topic, 1), refused);
        for (const method of ['on', 'once', 'addListener', 'prependListener', 'prependOnceListener'] as const) {
          assert.throws(() => target[method](topic, () => {}), refused, method);
        }
        assert.equal(target.listenerCount(topic), 0);
      }
    }
    await bus.close();
  });

  /** What a user does with a bus as JavaScript has it, and what the error says. */
  const MISUSES: Readonly<Record<string, readonly [call: (bus: Bus & EventEmitter) => unknown, says: RegExp]>> = {
    'a listener for an event that no bus has': [(bus) => bus.on('message', () => {}), /one of 'error', 'drain'/],
    'a misspelled event': [(bus) => bus.once('eror', () => {}), /one of 'error'/],
    'an event of the user': [(bus) => bus.emit('tasks', 1), /bus\.publish/],
    'a subscription ended like a listener': [(bus) => bus.off('/tasks/exit', () => {}), /call stop\(\)/],
    'all of a topic ended so': [(bus) => bus.removeAllListeners('/tasks/exit'), /call stop\(\)/],
    'a stream listened to like one of Node': [
      (bus) => (bus.subscribe('/a') as unknown as EventEmitter).on('data', () => {}),
      /one of 'error', 'lagged'/,
    ],
    'a class as a handler': [(bus) => bus.subscribe('/a', class Audit {} as never), /not a class/],
    'a port as a handler': [(bus) => bus.subscribe('/a', new MessageChannel().port1 as never), /any of name, signal/],
    'a signal in place of options': [
      (bus) => bus.subscribe('/a', () => {}, new AbortController().signal as never),
      /an object with any of name, signal/,
    ],
    'a handle that went through JSON': [(bus) => connectBus(JSON.parse(JSON.stringify(bus.handle))), /never as text/],
    'signals in a list': [(bus) => bus.closeOn(['SIGTERM'] as never), /such as 'SIGTERM'/],
  };

  for (const [name, [call, says]] of Object.entries(MISUSES)) {
    test(`${name} is refused, and says what to write`, async () => {
      const bus = createBus();
      await assert.rejects(async () => call(bus as never), says);
      bus.destroy();
    });
  }

  test('an envelope that is published as an event is refused, and says how to pass it on', async () => {
    const bus = createBus();
    bus.subscribe('/b', () => {});
    const next = bus.next('/a');
    bus.publish('/a', new Map([[1, 2]]));
    const envelope: Envelope = await next;
    for (const one of [envelope, envelope.detach()]) {
      assert.throws(
        () => bus.publish('/b', one),
        /publish envelope\.event, or pass it on with bus\.forward\(envelope\)/,
      );
    }
    assert.equal(bus.forward(envelope), true);
    bus.publish('/b', envelope.event);
    await bus.close();
  });

  test('what Node itself, and who instruments it, listens to can be listened to', async () => {
    const bus = createBus() as unknown as EventEmitter;
    const added: unknown[] = [];
    bus.on('newListener', (name) => added.push(name));
    bus.on(Symbol.for('a'), () => {});
    assert.deepEqual(added, [Symbol.for('a')]);
    bus.off('close', () => {});
    bus.removeAllListeners();
    assert.equal(bus.listenerCount('newListener'), 0);
    await (bus as unknown as Bus).close();
  });

  test('its own events are heard as ever', async () => {
    const bus = createBus();
    const heard: string[] = [];
    bus.once('error', (error) => heard.push(error.message));
    bus.on('drain', () => heard.push('drain'));
    bus.emit('error', new Error('one'));
    bus.emit('drain');
    assert.deepEqual(heard, ['one', 'drain']);
    await bus.close();
  });
});

describe('what stays on its thread', () => {
  test('a bus, a subscription or an emitter in the data of a module is refused at subscribe', async () => {
    const bus = createBus();
    const subscription = bus.subscribe('/x', () => {});
    for (const data of [{ bus }, [subscription], { deep: { emitter: bus.emitter() } }]) {
      assert.throws(() => bus.subscribe('/x', module, { data }), {
        code: 'BUS_INVALID_OPTION',
        message: /stays on its thread/,
      });
    }
    await bus.close();
  });

  test('posting an envelope fails and says what to post', async () => {
    const bus = createBus();
    const next = bus.next('/x');
    bus.publish('/x', { id: 1 });
    const envelope = await next;
    const { port1, port2 } = new MessageChannel();
    for (const value of [envelope, { envelope }, envelope.detach()]) {
      assert.throws(() => port1.postMessage(value), /send envelope\.toBinary\(\), or its event/);
      assert.throws(() => structuredClone(value), /send envelope\.toBinary\(\), or its event/);
    }
    assert.deepEqual(structuredClone(envelope.event), { id: 1 });
    port1.close();
    port2.close();
    await bus.close();
  });
});
