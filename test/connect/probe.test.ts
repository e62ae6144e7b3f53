/** Whether a thread is gone that has never been met. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { OwnerAbsence, Probe } from '../../src/connect/probe.js';
import { type BusHandle, connectBus } from '../../src/index.js';
import { VERSION } from '../../src/ring/uplink-descriptor.js';
import { turn, until } from '../support/bus-scene.js';
import { ScriptedThread } from '../support/scripted-thread.js';

const LISTENING = `process.on('workerMessage', () => {}); require('node:worker_threads').parentPort.on('message', () => {}).postMessage(0);`;

test('a thread is gone when a probe has failed twice in a row, and not while it lives and listens', async () => {
  const worker = new Worker(LISTENING, { eval: true });
  await once(worker, 'message');
  const { threadId } = worker;
  const probe = new Probe();
  let gone = 0;
  // Each of them returns at once where the last one has not come back.
  for (let sent = 0; sent < 1_000; sent++) {
    probe.send(threadId, () => gone++);
    if (sent % 100 === 0) await turn();
  }
  assert.equal(gone, 0);
  await worker.terminate();
  let sent = 0;
  while (gone === 0) {
    probe.send(threadId, () => gone++);
    sent++;
    await turn();
  }
  assert.ok(sent >= 2);
  // A failure of one that was on its way as the thread ended counts as well: never a single one.
  const another = new Probe();
  let goneAtOnce = false;
  another.send(threadId, () => {
    goneAtOnce = true;
  });
  for (let turns = 0; turns < 50; turns++) await turn();
  assert.equal(goneAtOnce, false);
});

const NOBODY = { code: 'ERR_WORKER_MESSAGING_FAILED' };

/** How many failures in a row it takes until the owner is known to be gone, of at most 100. */
function failuresUntilGone(version: (failure: number) => number, errorOf = (_: number): { code?: string } => NOBODY) {
  const absence = new OwnerAbsence();
  for (let failure = 1; failure <= 100; failure++) {
    if (absence.failed(errorOf(failure), absence.failures, version(failure))) return failure;
  }
  return undefined;
}

test('an owner that has heard of nobody is gone at the second failure, one that has and answers no more some later', () => {
  assert.equal(
    failuresUntilGone(() => 0),
    2,
  );
  const silent = failuresUntilGone((failure) => Math.min(failure, 10));
  assert.ok(silent !== undefined && silent > 12, `${silent}`);
  assert.equal(
    failuresUntilGone((failure) => failure),
    undefined,
  );
  // A listener that throws is somebody.
  assert.equal(
    failuresUntilGone(
      () => 0,
      (failure) => (failure % 2 === 0 ? { code: 'ERR_WORKER_MESSAGING_ERRORED' } : NOBODY),
    ),
    undefined,
  );
});

test('an owner that is deaf to messages between threads, as under some test runner, is not taken for gone', async () => {
  const owner = new ScriptedThread(
    `const bus = ringcast.createBus();
     bus.subscribe('/a', ({ event }) => say(event));
     say(bus.handle);
     process.removeAllListeners('workerMessage');
     // The bus would listen again.
     process.prependListener = () => process;
     setInterval(() => {}, 1_000);`,
    {},
  );
  const connection = connectBus((await owner.said()) as BusHandle);
  connection.publish('/a', 1);
  assert.equal(await owner.said(), 1);
  const { memory } = connection.parts.link;
  // Counted up with each answer to a ring: more of them than failures that would be certain.
  await until(() => memory.cells.load(VERSION) > 25);
  connection.publish('/a', 2);
  assert.equal(await owner.said(), 2);
  connection.destroy();
  await owner.worker.terminate();
});
