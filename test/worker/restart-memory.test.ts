import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inlineModule } from '../support/bus-scene.js';
import { runProgram } from '../support/child-process.js';
import { size } from '../support/full.js';

const RESTARTS = size(6, 8);

/** Counts what is alive after some restarts, and after as many more. */
const PROGRAM = `
  import { once } from 'node:events';
  import { queryObjects } from 'node:v8';
  import { MessagePort, Worker } from 'node:worker_threads';
  import { Piscina } from 'piscina';
  const module = new URL(${JSON.stringify(inlineModule('export default ({ redelivered }) => { if (!redelivered) process.exit(7); };').href)});
  const bus = createBus();
  const subscription = bus.subscribe('/a', module, { restart: { backoffMs: 0, maxRestarts: 1_000 } });
  await subscription.ready;
  const counts = [];
  for (let restarts = 1; restarts <= ${2 * RESTARTS}; restarts++) {
    bus.publish('/a', { restarts });
    await once(subscription, 'restart');
    if (restarts % ${RESTARTS} !== 0) continue;
    // The new thread reads by then, and the pool of the last one is destroyed.
    while (subscription.stats().delivered < restarts) await new Promise((resolve) => setTimeout(resolve, 10));
    await new Promise((resolve) => setTimeout(resolve, 100));
    counts.push([Worker, MessagePort, Piscina, SharedArrayBuffer, Error].map((kind) => queryObjects(kind, { format: 'count' })));
  }
  await bus.close();
  console.log(JSON.stringify(counts));
`;

describe('a subscription whose thread is started again and again', { timeout: 600_000 }, () => {
  test('keeps nothing of the threads before', async () => {
    const { output, errors } = await runProgram(PROGRAM, undefined, ['--disable-warning=ExperimentalWarning']);
    assert.equal(errors, '');
    const [before, after] = JSON.parse(output) as [number[], number[]];
    const kinds = ['threads', 'ports', 'pools', 'shared buffers', 'errors'];
    for (const [i, kind] of kinds.entries()) {
      const left = after[i]! - before[i]!;
      assert.ok(
        left < RESTARTS / 2,
        `${kind}: ${before[i]} after ${RESTARTS} restarts, ${after[i]} after as many more`,
      );
    }
    assert.ok(before[0]! >= 1 && before[1]! >= 2, 'the thread that runs is counted');
  });
});
