/** What users of other libraries try first, and what would do nothing or lose something without a word. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { createBus } from '../../src/index.js';

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
