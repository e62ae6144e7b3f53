/** Conditions on fields, as subscribers meet them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TaskExit } from '../../src/events.js';
import { createBus, type Envelope } from '../../src/index.js';
import { AcmeByte } from '../fixtures/workers/acme-types.js';
import { closeDelivered, idOf, LARGE_TEXT, range, SMALL_RING_BYTES, workerModule } from '../support/bus-scene.js';
import { SharedLog } from '../support/shared-log.js';

describe('a subscription with a condition on a field', { timeout: 600_000 }, () => {
  test('gets the events that meet it, of any type on its topics', async () => {
    await using bus = createBus();
    const got: unknown[] = [];
    bus.subscribe({ topics: '/tasks/*', where: 'event.pid>=2' }, ({ event }) => void got.push(event));
    bus.publish('/tasks/exit', new TaskExit({ pid: 1 }));
    bus.publish('/tasks/exit', new TaskExit({ pid: 2 }));
    bus.publish('/tasks/exit', { pid: 3, plain: true });
    bus.publish('/tasks/exit', { typeUrl: 'example.Unknown', value: Buffer.of(0x18, 4) });
    bus.publish('/images/create', new TaskExit({ pid: 5 }));
    await bus.close();
    assert.deepEqual(got, [new TaskExit({ pid: 2 }), { pid: 3, plain: true }]);
  });

  test('is told in the first event it gets of what was overwritten, not in one that its condition turned away', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const got: Envelope[] = [];
    const subscription = bus.subscribe('event.id==39', (envelope) => void got.push(envelope), { delivery: 'lossy' });
    // Twice around the ring in one turn: nothing is read meanwhile.
    for (const id of range(40)) bus.publish('/a', { id, text: LARGE_TEXT });
    await bus.close();
    assert.deepEqual(got.map(idOf), [39]);
    const { lagged } = subscription.stats();
    assert.ok(lagged > 0);
    assert.equal(got[0]!.lagged, lagged);
  });

  test('is served on a thread of its own by the types that were named for the bus', async () => {
    const types = [new URL('../fixtures/workers/acme-types.js', import.meta.url).href];
    await using bus = createBus({ types });
    const log = new SharedLog(10);
    bus.subscribe('event.value>=8', workerModule('typed-recorder'), { data: log.buffer });
    for (const value of [7, 8, 9]) bus.publish('/a', new AcmeByte(value));
    await closeDelivered(bus);
    assert.deepEqual(log.values, [8, 9]);
  });

  test('survives payloads that do not decode, which nobody with a condition gets', async () => {
    await using bus = createBus();
    const ids: string[] = [];
    bus.subscribe('event.container_id!=x', ({ event }) => void ids.push((event as TaskExit).containerId));
    bus.publish('/tasks/exit', new TaskExit({ containerId: 'c1' }));
    bus.publish('/tasks/exit', { typeUrl: 'containerd.events.TaskExit', value: Buffer.of(0x0a, 200) });
    bus.publish('/tasks/exit', { typeUrl: 'ringcast.MessagePack', value: Buffer.of(0x92, 1) });
    bus.publish('/tasks/exit', new TaskExit({ containerId: 'c2' }));
    await bus.close();
    assert.deepEqual(ids, ['c1', 'c2']);
  });
});
