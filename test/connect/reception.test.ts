/** Threads meet the owner of a bus whatever else is done with messages between threads on the owner's thread. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { type BusHandle, connectBus, createBus } from '../../src/index.js';
import { inlineModule } from '../support/bus-scene.js';
import { LIBRARY } from '../support/published.js';
import { ScriptedThread } from '../support/scripted-thread.js';

describe('a thread meets an owner', { timeout: 600_000 }, () => {
  const hostile: Readonly<Record<string, readonly [before: string, after: string]>> = {
    'with a listener for messages that throws': [
      `process.on('workerMessage', () => { throw new Error('not for me'); });`,
      `process.on('workerMessage', () => { throw new Error('not for me'); });`,
    ],
    'whose listeners were all removed': ['', `process.removeAllListeners('workerMessage');`],
  };
  for (const [which, [before, after]] of Object.entries(hostile)) {
    test(which, async (t) => {
      const owner = new ScriptedThread(
        `
        ${before}
        const bus = ringcast.createBus();
        say(bus.handle);
        ${after}
        bus.subscribe('/a', async ({ event }) => {
          say(event);
          bus.publish('/b', event);
        });
        setInterval(() => {}, 1_000);
      `,
        {},
      );
      t.after(() => owner.worker.terminate());
      const bus = connectBus((await owner.said()) as BusHandle);
      await bus.subscribe('/b', () => {}).ready;
      const answer = bus.next('/b');
      bus.publish('/a', 1);
      assert.equal(await owner.said(), 1);
      assert.equal((await answer).event, 1);
      assert.deepEqual(await bus.close(), { undelivered: 0 });
    });
  }

  test('that is the thread of a module with a connection of its own', async () => {
    const { port1, port2 } = new MessageChannel();
    const outer = createBus();
    const module = inlineModule(`
      import { createBus } from '${LIBRARY}';
      let own;
      export default {
        setup({ bus, data }) {
          bus.publish('/hello', 1);
          own = createBus();
          data.postMessage(own.handle);
        },
        handle() {},
        teardown() { own.destroy(); },
      };
    `);
    const said = new Promise<BusHandle>((resolve) => {
      port1.once('message', resolve);
    });
    const subscription = outer.subscribe('/a', module, { data: port2, transferList: [port2], restart: 'never' });
    const bus = connectBus(await said);
    await bus.subscribe('/b', () => {}).ready;
    assert.deepEqual(await bus.close(), { undelivered: 0 });
    await subscription.stop();
    port1.close();
    await outer.close();
  });
});
