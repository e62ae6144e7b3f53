/** What holds a thread open: waits that are pending, and what was ref'd. Nothing else of a bus or of a connection does. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Bus, type BusConnection, connectBus, createBus } from '../../src/index.js';
import { until } from '../support/bus-scene.js';
import { ScriptedThread } from '../support/scripted-thread.js';

/** Timers that hold the event loop open, as a bus does by one. */
function timers(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
}

interface Scene {
  readonly client: Bus | BusConnection;
  /** Whether the client holds the thread open, once all is settled. */
  holds(): Promise<boolean>;
  /** Resolves when it does not, or no more. */
  letsGo(): Promise<void>;
}

const CLIENTS: { readonly [name: string]: (act: (scene: Scene) => Promise<void>) => Promise<void> } = {
  async 'a bus'(act) {
    const bus = createBus();
    await play(bus, act).finally(() => bus.close());
  },
  async 'a connection'(act) {
    const bus = createBus();
    const connection = connectBus(bus.handle);
    await play(connection, act).finally(() => bus.close());
  },
};

async function play(client: Scene['client'], act: (scene: Scene) => Promise<void>): Promise<void> {
  const before = timers();
  await act({
    client,
    holds: async () => {
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
      return timers() > before;
    },
    letsGo: () => until(() => timers() <= before),
  });
}

for (const [name, withClient] of Object.entries(CLIENTS)) {
  describe(`${name} and its thread`, { timeout: 600_000 }, () => {
    test('a handler holds the thread open while it is ref’d', async () => {
      await withClient(async ({ client, holds, letsGo }) => {
        await letsGo();
        const subscription = client.subscribe('/a', () => {});
        await subscription.ready;
        await letsGo();
        subscription.ref();
        assert.equal(await holds(), true);
        subscription.unref();
        await letsGo();
        subscription.ref();
        await subscription.stop();
        await letsGo();
        subscription.ref();
        await letsGo();
      });
    });

    test('a stream does so while it is read, or ref’d; an unref’d one does not', async () => {
      await withClient(async ({ client, holds, letsGo }) => {
        const stream = client.subscribe('/a');
        await stream.ready;
        await letsGo();
        const [first, second] = [stream.next(), stream.next()];
        assert.equal(await holds(), true);
        client.publish('/a', 1);
        await first;
        assert.equal(await holds(), true);
        client.publish('/a', 2);
        await second;
        await letsGo();
        const third = stream.next();
        stream.unref();
        await letsGo();
        client.publish('/a', 3);
        await third;
        void stream.next();
        await letsGo();
        stream.ref();
        assert.equal(await holds(), true);
        stream.unref().ref();
        client.publish('/a', 4);
        assert.equal(await holds(), true, 'nobody reads, but it is ref’d');
        await stream.stop();
        await letsGo();
      });
    });

    test('next does so until it is settled, and all that waits lets go when the client closes or is destroyed', async () => {
      for (const end of ['close', 'destroy'] as const) {
        await withClient(async ({ client, holds, letsGo }) => {
          const abort = new AbortController();
          const aborted = client.next('/a', { signal: abort.signal });
          assert.equal(await holds(), true);
          abort.abort();
          await assert.rejects(aborted, { name: 'AbortError' });
          await letsGo();
          const next = client.next('/a');
          const read = client.subscribe('/a').next();
          client.subscribe('/a', () => {}).ref();
          assert.equal(await holds(), true);
          await client[end]();
          await assert.rejects(next, { code: 'BUS_SUBSCRIPTION_ENDED' });
          assert.equal((await read).done, true);
          await letsGo();
        });
      }
    });
  });
}

test('a thread ends whose only loop is over an unref’d stream', { timeout: 600_000 }, async () => {
  const bus = createBus();
  try {
    const loop = 'for await (const _ of ringcast.connectBus(data.bus).subscribe("/a").unref());';
    // Nothing at the top level awaits it: with that, the thread ends with exit code 13.
    const thread = new ScriptedThread(`void (async () => { ${loop} })();`, { bus: bus.handle });
    assert.equal(await thread.ended, 0);
  } finally {
    await bus.close();
  }
});
