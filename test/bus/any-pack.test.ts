import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ContainerCreate, TaskExit } from '../../src/events.js';
import { anyPack, anyUnpack, createBus, type Envelope } from '../../src/index.js';
import { AcmeByte } from '../fixtures/workers/acme-types.js';
import { thrownBy } from '../support/bus-scene.js';
import { envelopeWith } from '../support/envelope-bytes.js';

const acmeTypes = new URL('../fixtures/workers/acme-types.js', import.meta.url).href;

describe('anyPack and anyUnpack', { timeout: 600_000 }, () => {
  test('give an event of this package back as its class', () => {
    const any = anyPack(new TaskExit({ containerId: 'c1', pid: 7 }));
    assert.equal(any.typeUrl, 'containerd.events.TaskExit');
    assert.deepEqual(anyUnpack(any), new TaskExit({ containerId: 'c1', pid: 7 }));
  });

  test('accept a type URL with a host in front', () => {
    const { value } = anyPack(new TaskExit({ pid: 7 }));
    const event = anyUnpack({ typeUrl: 'type.googleapis.com/containerd.events.TaskExit', value });
    assert.deepEqual(event, new TaskExit({ pid: 7 }));
  });

  test('give a plain value back as it was', () => {
    const any = anyPack({ id: 1n, tags: new Map([['a', 1]]) });
    assert.equal(any.typeUrl, 'ringcast.MessagePack');
    assert.deepEqual(anyUnpack(any), { id: 1n, tags: new Map([['a', 1]]) });
  });

  test('leave an Any as it is', () => {
    const any = { typeUrl: 'example.Unknown', value: Buffer.of(1, 2) };
    assert.equal(anyPack(any), any);
  });

  test('keep no hold on the bytes', () => {
    const any = anyPack(new TaskExit({ containerId: 'c1' }));
    const event = anyUnpack(any) as TaskExit;
    any.value.fill(0);
    assert.equal(event.containerId, 'c1');
  });

  test('refuse a type they do not know, bytes that do not decode and what is no event', () => {
    const unknown = thrownBy(() => anyUnpack({ typeUrl: 'acme.Byte', value: Buffer.of(1) }));
    assert.equal(unknown.code, 'BUS_UNKNOWN_TYPE');
    const malformed = { typeUrl: 'containerd.events.TaskExit', value: Buffer.of(0x0a, 200) };
    assert.equal(thrownBy(() => anyUnpack(malformed)).code, 'BUS_MALFORMED_PAYLOAD');
    assert.equal(thrownBy(() => anyPack(() => 1)).code, 'BUS_INVALID_EVENT');
  });

  test('of no type are published as little as forwarded', async () => {
    await using bus = createBus();
    bus.subscribe('/a', () => {});
    const nameless = { typeUrl: '', value: Buffer.of(1) };
    assert.equal(thrownBy(() => bus.publish('/a', nameless)).code, 'BUS_INVALID_TYPE_URL');
    const bytes = envelopeWith({ topic: '/a', event: nameless });
    assert.equal(thrownBy(() => bus.forward(bytes)).code, 'BUS_INCOMPLETE_ENVELOPE');
  });

  test('of a bus know the types of the bus', async () => {
    await using bus = createBus({ types: [acmeTypes] });
    const any = bus.anyPack(new AcmeByte(9));
    assert.deepEqual(any, { typeUrl: 'acme.Byte', value: Uint8Array.of(9) });
    assert.deepEqual(bus.anyUnpack(any), new AcmeByte(9));
    assert.deepEqual(bus.anyUnpack(bus.anyPack(new TaskExit({ pid: 1 }))), new TaskExit({ pid: 1 }));
  });

  test('carry an event inside another one', async () => {
    await using bus = createBus();
    const got: Envelope[] = [];
    bus.subscribe('event.runtime.options.pid==7', (envelope) => void got.push(envelope));
    for (const pid of [6, 7]) {
      const runtime = { name: 'runc', options: anyPack(new TaskExit({ pid })) };
      bus.publish('/containers/create', new ContainerCreate({ id: `c${pid}`, runtime }));
    }
    await bus.close();
    assert.deepEqual(
      got.map(({ event }) => anyUnpack((event as ContainerCreate).runtime!.options!)),
      [new TaskExit({ pid: 7 })],
    );
  });
});
