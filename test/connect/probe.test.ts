/** Whether a thread is gone that has never been met. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Probe } from '../../src/connect/probe.js';
import { turn } from '../support/bus-scene.js';

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
