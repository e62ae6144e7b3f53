import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Readers } from '../../src/publish/readers.js';
import { StallWatch } from '../../src/publish/stall-watch.js';
import { ringAt, write } from '../support/ring-rig.js';

test('a reader whose thread is started again does not stand still meanwhile, and does from then on', async () => {
  const { writer } = ringAt();
  const reader = writer.join(true);
  write(writer, 1);
  let isComingBack = true;
  const evicted: Error[] = [];
  const readers = new Readers();
  readers.set(reader, {
    local: false,
    describe: () => 'the reader',
    wake: () => {},
    restartNow: () => true,
    isComingBack: () => isComingBack,
    evict: (error) => evicted.push(error),
  });
  const stalls = new StallWatch(
    writer,
    readers,
    1,
    () => {},
    () => {},
  );
  for (let look = 0; look < 20; look++) {
    assert.equal(stalls.look(), false);
    await setTimeout(2);
  }
  assert.deepEqual([stalls.stalledMs, evicted.length], [0, 0]);
  isComingBack = false;
  assert.equal(stalls.look(), true);
  assert.equal(evicted.length, 1);
});
