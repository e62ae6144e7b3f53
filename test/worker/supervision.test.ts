import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { turn, until } from '../support/bus-scene.js';
import { type FakeThread, FakeThreads } from '../support/fake-threads.js';
import { Dice } from '../torture/payload.js';

const FAILURE = {
  kind: 'handler-failed',
  topic: '/a',
  sequence: 0,
  error: { error: 1, fields: {} },
  leftOut: 0,
} as const;

suite('a supervised thread', { timeout: 600_000 }, () => {
  test('is run once at a time, although a listener waits for the same room when it is found dead', async () => {
    const scene = await readyScene();
    const [first] = scene.threads;
    scene.onTold = (text) => {
      if (text === 'failure') assert.ok(scene.supervisor.restartNow());
    };
    await scene.dieUnheard(first!, FAILURE, () => assert.ok(scene.supervisor.restartNow()));
    assert.equal(scene.running.length, 1, 'two threads read for one subscription');
    first!.exit();
    await endOf(scene);
  });

  test('is run once at a time, although the system has no thread when it is found dead', async () => {
    const scene = await readyScene();
    const [first] = scene.threads;
    scene.isOutOfThreads = true;
    await scene.dieUnheard(first!, undefined, () => scene.supervisor.restartNow());
    scene.isOutOfThreads = false;
    first!.exit();
    await until(() => scene.running.length > 0);
    for (let i = 0; i < 5; i++) await turn();
    assert.equal(scene.running.length, 1);
    await endOf(scene);
  });

  test('may have made room, and died before it said so, when another took its place', async () => {
    const scene = await readyScene();
    const [first] = scene.threads;
    await scene.dieUnheard(first!, undefined, () => assert.ok(scene.supervisor.restartNow()));
    first!.exit();
    await until(() => scene.told.includes('restart'));
    assert.ok(scene.told.includes('room'), 'whoever waits for room waits for ever');
    await endOf(scene);
  });

  test('that was set up once is coming back until it reads again, heard of or not', async () => {
    const scene = new FakeThreads();
    const { supervisor, threads } = scene;
    assert.equal(supervisor.isComingBack, false, 'it was never there');
    threads[0]!.read();
    threads[0]!.say({ kind: 'ready' });
    await until(() => scene.told.includes('ready'));
    assert.equal(supervisor.isComingBack, false);
    await scene.dieUnheard(threads[0]!, undefined, () => {
      assert.ok(supervisor.restartNow());
      assert.equal(supervisor.isComingBack, true);
      threads[1]!.read();
      assert.equal(supervisor.isComingBack, false);
    });
    threads[0]!.exit();
    await endOf(scene);
  });

  test('is waited for no longer when it is gone and nobody says that it exited', async () => {
    const scene = await readyScene();
    scene.written = 1;
    const [first] = scene.threads;
    first!.isExitLost = true;
    scene.supervisor.stop(1);
    first!.die();
    await until(() => scene.running.length > 0);
    await endOf(scene);
  });

  test('is waited for no longer when it was ended and does not exit', async () => {
    for (const isAsked of [true, false]) {
      const scene = await readyScene();
      const [first] = scene.threads;
      first!.isExitLost = true;
      if (isAsked) scene.supervisor.terminate();
      else scene.supervisor.stop(0);
      await until(() => scene.ends.length > 0);
      assert.match(scene.ends.join(), isAsked ? /^end$/ : /did not end within 10 s/);
    }
  });

  test('ends once, after everything that is owed, whoever dies, stops or waits meanwhile', async () => {
    let restarts = 0;
    for (let seed = 1; seed <= 100; seed++) restarts += await playAtRandom(seed);
    assert.ok(restarts > 60, `only ${restarts} restarts`);
  });
});

async function readyScene(): Promise<FakeThreads> {
  const scene = new FakeThreads();
  scene.threads[0]!.say({ kind: 'ready' });
  await until(() => scene.told.includes('ready'));
  return scene;
}

/** Lets the threads do what they are there for, to the end. */
async function endOf(scene: FakeThreads): Promise<void> {
  scene.supervisor.stop(scene.written);
  await until(() => {
    for (const thread of scene.running) work(scene, thread);
    return scene.ends.length > 0;
  });
  assert.ok(scene.settled >= scene.written, `${scene.written - scene.settled} records were not delivered`);
  for (let i = 0; i < 5; i++) await turn();
  assert.deepEqual([scene.ends.length, scene.running.length], [1, 0]);
  assert.match(scene.told.filter((text) => text !== 'room').at(-1)!, /^end/, 'something was told after the end');
}

function work(scene: FakeThreads, thread: FakeThread): void {
  if (scene.settled < Math.min(scene.written, thread.endSequence)) scene.settled++;
  else if (thread.endSequence <= scene.settled) thread.say({ kind: 'stopped', error: undefined });
}

/** Returns how often the thread was started again. */
async function playAtRandom(seed: number): Promise<number> {
  const dice = new Dice(seed);
  const oneIn = (times: number): boolean => dice.roll(times) === 0;
  const scene = new FakeThreads();
  const { supervisor } = scene;
  let stopped = false;
  const stop = (): void => {
    stopped = true;
    supervisor.stop(scene.written);
  };
  scene.onTold = (text) => {
    assert.ok(scene.running.length <= 1, `seed ${seed}: two threads at once`);
    if (text.startsWith('end')) return;
    if (oneIn(3)) supervisor.restartNow();
    if (oneIn(20)) stop();
  };
  for (let step = 0; step < 40 && scene.ends.length === 0; step++) {
    scene.isOutOfThreads = oneIn(10);
    const [thread] = scene.running;
    if (!stopped && oneIn(2)) scene.written++;
    if (oneIn(30)) stop();
    if (oneIn(5)) supervisor.restartNow();
    if (thread === undefined) {
      await turn();
      continue;
    }
    thread.isExitLost = oneIn(10);
    if (oneIn(3)) thread.say({ kind: 'ready' });
    if (oneIn(3)) work(scene, thread);
    if (!oneIn(4)) continue;
    if (oneIn(2)) thread.die();
    else await scene.dieUnheard(thread, oneIn(2) ? FAILURE : undefined, () => supervisor.restartNow());
    if (oneIn(2)) await turn();
    thread.exit();
    assert.ok(scene.running.length <= 1, `seed ${seed}: two threads at once`);
  }
  scene.isOutOfThreads = false;
  if (scene.ends.length === 0) await endOf(scene);
  return scene.told.filter((text) => text === 'restart').length;
}
