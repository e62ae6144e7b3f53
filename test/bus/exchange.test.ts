/** The cases of containerd's exchange_test.go, on the bus, and the fan-out defect that its exchange had for years. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ContainerCreate, TaskExit } from '../../src/events.js';
import { createBus, type FilterInput, type Subscription } from '../../src/index.js';
import { idOf, range, until } from '../support/bus-scene.js';
import { size } from '../support/full.js';

const CREATED = ['asdf', 'qwer', 'zxcv'];

const rows: [name: string, filter: FilterInput, ids: string[]][] = [
  ['no filter', [], [...CREATED, 'abcdef']],
  ['by topic', 'topic=="/containers/create"', CREATED],
  ['by field', 'event.id', CREATED],
  ['field or topic', ['topic=="/containers/create"', 'event.id'], CREATED],
  ['regular expression', 'topic~="/containers/*"', CREATED],
  ['two topics', ['topic=="/tasks/exit"', 'topic=="/containers/create"'], [...CREATED, 'abcdef']],
  ['topic and id', 'topic=="/containers/create",event.id=="qwer"', ['qwer']],
];

describe('containerd’s exchange tests', { timeout: 600_000 }, () => {
  for (const [name, filter, ids] of rows) {
    test(`${name}: ${JSON.stringify(filter)}`, async () => {
      await using bus = createBus();
      const got: string[] = [];
      bus.subscribe(filter, ({ event }) => {
        got.push(event instanceof TaskExit ? event.containerId : (event as ContainerCreate).id);
      });
      for (const id of CREATED) bus.publish('/containers/create', new ContainerCreate({ id }));
      bus.publish('/tasks/exit', new TaskExit({ containerId: 'abcdef' }));
      await bus.close();
      assert.deepEqual(got, ids);
    });
  }

  test('basic: two subscribers receive exactly what was published, in order, and their end is no error', async () => {
    await using bus = createBus();
    const got: string[][] = [[], []];
    const subscriptions = got.map((ids) =>
      bus.subscribe([], ({ event }) => void ids.push((event as ContainerCreate).id)),
    );
    for (const id of CREATED) bus.publish('/test', new ContainerCreate({ id }));
    await until(() => got.every((ids) => ids.length === CREATED.length));
    await Promise.all(subscriptions.map((subscription) => subscription.stop()));
    assert.deepEqual(got, [CREATED, CREATED]);
  });
});

const EVENTS = 30;
/** Each of four leaves at each event; twice in a short run. */
const TRIALS = size(2, 16) * 4 * EVENTS;

test(`${TRIALS} subscribers that leave in the middle of a fan-out cost the others no event and double none`, {
  timeout: 600_000,
}, async () => {
  await using bus = createBus();
  for (let trial = 0; trial < TRIALS; trial++) {
    const seen: number[][] = range(4).map(() => []);
    const leaver = trial % 4;
    const leavesAt = Math.floor(trial / 4) % EVENTS;
    // Of three ways to leave: in its own handler, in that of a sibling, or while events are published.
    const way = trial % 3;
    const subscriptions: Subscription[] = seen.map((ids, i) =>
      bus.subscribe('/test', (envelope) => {
        ids.push(idOf(envelope));
        const leaves = way === 0 ? i === leaver : way === 1 && i === (leaver + 1) % 4;
        if (leaves && idOf(envelope) === leavesAt) void subscriptions[leaver]!.stop();
      }),
    );
    for (const id of range(EVENTS)) {
      bus.publish('/test', { id });
      if (way === 2 && id === leavesAt) void subscriptions[leaver]!.stop();
    }
    const others = seen.filter((_, i) => i !== leaver);
    await until(() => others.every((ids) => ids.length >= EVENTS));
    await Promise.all(subscriptions.map((subscription) => subscription.stop({ drain: true })));
    for (const ids of others) assert.deepEqual(ids, range(EVENTS), `trial ${trial}`);
    assert.deepEqual(seen[leaver], range(seen[leaver]!.length), `trial ${trial}`);
    assert.ok(seen[leaver]!.length <= leavesAt + 1, `trial ${trial}: it got ${seen[leaver]!.length} events`);
  }
  assert.equal(bus.stats().written, TRIALS * EVENTS);
});
