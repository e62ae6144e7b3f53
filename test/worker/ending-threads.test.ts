/** A thread that is being ended: Node lets it run on for a moment, in which it hears nothing that it is told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { createBus } from '../../src/index.js';
import { closeDelivered, inlineModule, until } from '../support/bus-scene.js';
import { ThreadWatch } from '../support/deaths.js';

/** Makes that moment as long as it takes: from `startEnding` on, whatever waits on a port comes as undefined. */
const PRELOAD = `data:text/javascript,${encodeURIComponent(`
  import { syncBuiltinESMExports } from 'node:module';
  import workers from 'node:worker_threads';
  const { receiveMessageOnPort } = workers;
  let isEnding = false;
  globalThis.startEnding = () => { isEnding = true; };
  workers.receiveMessageOnPort = (port) => (isEnding ? { message: undefined } : receiveMessageOnPort(port));
  syncBuiltinESMExports();
`)}`;

const BEGUN = 0;
const AGAIN = 1;

test('an event whose handler publishes while its thread is being ended comes again, and has not failed', async () => {
  const bus = createBus();
  const seen = new Int32Array(new SharedArrayBuffer(8));
  using watch = new ThreadWatch();
  const subscription = bus.subscribe(
    '/work',
    inlineModule(`
      export default ({ redelivered }, { bus, data }) => {
        if (redelivered) {
          Atomics.add(data.seen, data.AGAIN, 1);
          return;
        }
        startEnding();
        Atomics.store(data.seen, data.BEGUN, 1);
        bus.publish('/done', 1);
      };
    `),
    { data: { seen, AGAIN, BEGUN }, execArgv: ['--import', PRELOAD], restart: { backoffMs: 0 } },
  );
  const failures: Error[] = [];
  subscription.on('error', (error) => void failures.push(error));
  await subscription.ready;
  bus.publish('/work', 1);
  await until(() => Atomics.load(seen, BEGUN) === 1);
  // The call is in the middle until the thread is gone. One that fails shows it within that time.
  for (let looks = 0; looks < 100 && failures.length === 0; looks++) await setTimeout(1);
  await watch.kill();
  await closeDelivered(bus);
  assert.deepEqual(failures, []);
  assert.equal(Atomics.load(seen, AGAIN), 1);
  const { delivered, failed, restarts } = subscription.stats();
  assert.deepEqual({ delivered, failed, restarts }, { delivered: 1, failed: 0, restarts: 1 });
});
