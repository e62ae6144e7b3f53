/** A debugger sees subscriber threads, and stops in their modules: what .github/CONTRIBUTING.md promises. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import inspector from 'node:inspector';
import { test } from 'node:test';
import { createBus } from '../../src/index.js';
import { closeDelivered } from '../support/bus-scene.js';

test('a debugger stops a subscriber thread where its module says so', async () => {
  const session = new inspector.Session();
  session.connect();
  const paused: string[] = [];

  /** The debugger's side of a thread: goes on at each stop, and writes down the function it stopped in. */
  const send = (sessionId: string, method: string): void => {
    const message = JSON.stringify({ id: 1, method });
    session.post('NodeWorker.sendMessageToWorker', { sessionId, message });
  };
  session.on('NodeWorker.attachedToWorker', ({ params: { sessionId } }) => {
    send(sessionId, 'Debugger.enable');
    send(sessionId, 'Runtime.runIfWaitingForDebugger');
  });
  session.on('NodeWorker.receivedMessageFromWorker', ({ params: { sessionId, message } }) => {
    const { method, params } = JSON.parse(message) as {
      method?: string;
      params: { callFrames: { functionName: string }[] };
    };
    if (method !== 'Debugger.paused') return;
    const { functionName } = params.callFrames[0]!;
    // The first stop is that of the thread's start, outside any function.
    if (functionName !== '') paused.push(functionName);
    send(sessionId, 'Debugger.resume');
  });
  await new Promise<void>((resolve, reject) => {
    session.post('NodeWorker.enable', { waitForDebuggerOnStart: true }, (error) => (error ? reject(error) : resolve()));
  });

  try {
    const bus = createBus();
    const source = 'export default function audited() { debugger; }';
    const subscription = bus.subscribe('/audit', new URL(`data:text/javascript,${encodeURIComponent(source)}`));
    const ended = once(subscription, 'end');
    bus.publish('/audit', { id: 1 });
    bus.publish('/audit', { id: 2 });
    await closeDelivered(bus);
    await ended;
    assert.deepEqual(paused, ['audited', 'audited']);
    assert.equal(subscription.stats().delivered, 2);
  } finally {
    session.disconnect();
  }
});
