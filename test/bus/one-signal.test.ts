import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, test } from 'node:test';
import { createBus } from '../../src/index.js';

describe('one signal for many subscriptions', () => {
  test('stops all of them, with one listener and no warning, and none is left on it', async () => {
    const warnings: Error[] = [];
    const warn = (warning: Error): number => warnings.push(warning);
    process.on('warning', warn);
    const bus = createBus();
    const controller = new AbortController();
    const { signal } = controller;
    const subscriptions = Array.from({ length: 40 }, () => bus.subscribe('/x', () => {}, { signal }));
    const nexts = Array.from({ length: 40 }, () =>
      bus.next('/y', { signal }).then(
        () => assert.fail('an event came'),
        (error: Error) => error.name,
      ),
    );
    assert.equal(getEventListeners(signal, 'abort').length, 1);
    controller.abort();
    await Promise.all(subscriptions.map((subscription) => subscription.ended));
    assert.deepEqual(new Set(await Promise.all(nexts)), new Set(['AbortError']));
    await new Promise(setImmediate);
    assert.deepEqual(warnings, []);
    assert.equal(getEventListeners(signal, 'abort').length, 0);
    process.off('warning', warn);
    await bus.close();
  });

  test('keeps nothing of subscriptions that ended before it', async () => {
    const bus = createBus();
    const { signal } = new AbortController();
    const first = bus.subscribe('/x', () => {}, { signal });
    const second = bus.subscribe('/x', () => {}, { signal });
    await first.stop();
    await first.ended;
    assert.equal(getEventListeners(signal, 'abort').length, 1);
    await second.stop();
    await second.ended;
    assert.equal(getEventListeners(signal, 'abort').length, 0);
    await bus.close();
  });
});
