import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createBus, type Envelope, type HandlerOptions } from '../../src/index.js';
import { closeDelivered, Latch, range } from '../support/bus-scene.js';

/** What a handler can do to an envelope that its siblings get too. */
const CHANGES: Readonly<Record<string, (envelope: Envelope) => void>> = {
  'its event': ({ event }) => void Object.assign(event as object, { kind: 'changed', pid: 0, exitStatus: 77 }),
  'the bytes of its payload': ({ payload }) => void payload.fill(0),
  'the bytes of its payload and its event': (envelope) => {
    CHANGES['its event']!(envelope);
    CHANGES['the bytes of its payload']!(envelope);
  },
  'its own properties': (envelope) => {
    for (const name of ['namespace', 'event', 'codec'])
      Object.defineProperty(envelope, name, { value: 'changed', configurable: true });
  },
};

const WANTED: readonly [what: string, event: (id: number) => object, filters: readonly string[]][] = [
  ['a plain object', (id) => ({ id, kind: 'wanted' }), ['event.kind==wanted', 'event.kind!=changed']],
  [
    'a message',
    (id) => ({ $typeName: 'containerd.events.TaskExit', pid: 7, exitStatus: id }),
    ['event.pid==7', 'event.exit_status!=77'],
  ],
];

describe('conditions of handlers that share a reader', { timeout: 600_000 }, () => {
  for (const [change, apply] of Object.entries(CHANGES)) {
    for (const [what, event, filters] of WANTED) {
      for (const options of [{}, { delivery: 'lossy' }] as HandlerOptions[]) {
        const title = `${JSON.stringify(options)}, ${what}`;
        test(`never see what one of them did to ${change} (${title})`, async () => {
          await using bus = createBus({ topicTypes: { '/typed': 'containerd.events.TaskExit' } });
          const counts: number[] = [];
          const latch = new Latch();
          const topic = what === 'a message' ? '/typed' : '/plain';
          const count = (index: number): void => {
            counts[index] = 0;
            const filter = filters[index % filters.length]!;
            // Some go on at once, some are pending while the rest of the batch is routed.
            const handler = async (envelope: Envelope): Promise<void> => {
              counts[index]!++;
              apply(envelope);
              if (index % 2 === 1) await latch.opened;
            };
            bus.subscribe([`topic=="${topic}",namespace==ns,${filter}`], handler, options);
          };
          bus.subscribe(topic, apply, options);
          for (const index of range(4)) count(index);
          for (const id of range(20)) bus.publish(topic, event(id), { namespace: 'ns' });
          setImmediate(latch.open);
          await closeDelivered(bus);
          assert.deepEqual(counts, [20, 20, 20, 20]);
        });
      }
    }
  }

  test('do not bring back one that was stopped by a sibling', async () => {
    await using bus = createBus();
    let got = 0;
    bus.subscribe('/a', () => void later.stop());
    const later = bus.subscribe('topic=="/a",namespace!=x', () => void got++);
    for (const id of range(3)) bus.publish('/a', { id });
    await closeDelivered(bus);
    assert.equal(got, 0);
  });
});

test('a copy by its properties lacks what the README says it lacks', async () => {
  await using bus = createBus();
  const copies: object[] = [];
  bus.subscribe('/a', (envelope) => copies.push({ ...envelope }));
  bus.publish('/a', { id: 1 });
  await closeDelivered(bus);
  const [copy] = copies as [object];
  assert.ok('sequence' in copy);
  for (const name of ['event', 'topic', 'namespace', 'timestamp', 'payload', 'typeUrl'])
    assert.ok(!(name in copy), name);
});
