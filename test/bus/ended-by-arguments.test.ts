/** Calls that end their bus, or their subscription, while they read what they were given. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Bus, type BusConnection, connectBus, createBus, type Subscription } from '../../src/index.js';
import { inlineModule, thrownBy, until } from '../support/bus-scene.js';

type Client = Bus | BusConnection;

const CLIENTS = [
  ['a bus', (bus: Bus): Client => bus],
  ['a connection', (bus: Bus): Client => connectBus(bus.handle)],
] as const;

const handler = (): void => {};
const VERBS = ['publish', 'tryPublish', 'publishSync'] as const;

/** The bytes of an envelope. */
async function envelope(): Promise<Uint8Array> {
  await using source = createBus();
  const next = source.next('/a');
  source.publish('/a', { id: 1 });
  return (await next).toBinary();
}

function codeOf(act: () => unknown): string | undefined {
  return (thrownBy(act) as { readonly code?: string }).code;
}

for (const [name, open] of CLIENTS) {
  describe(`of ${name} that is destroyed while`, { timeout: 120_000 }, () => {
    for (const verb of VERBS) {
      test(`${verb} reads its options, nothing is said to be accepted`, async () => {
        await using bus = createBus();
        bus.subscribe('/a', handler);
        const client = open(bus);
        const options = {
          get namespace() {
            client.destroy();
            return 'x';
          },
        };
        assert.equal(
          codeOf(() => client[verb]('/a', 1, options)),
          'BUS_CLOSED',
        );
        assert.equal(client.stats().published, 0);
      });
    }

    test('forward and forwardAll read what they are given, the same', async () => {
      const bytes = await envelope();
      const run = Buffer.concat([Buffer.of(bytes.length), bytes]);
      const acts: readonly ((client: Client, end: <T>(value: T) => T) => unknown)[] = [
        (client, end) => client.forward({ toBinary: () => end(bytes) }),
        (client, end) =>
          client.forward(bytes, {
            get origin() {
              return end('x');
            },
          }),
        (client, end) =>
          client.forwardAll(run, {
            get origin() {
              return end('x');
            },
          }),
      ];
      for (const act of acts) {
        await using bus = createBus();
        bus.subscribe('/a', handler);
        const client = open(bus);
        const end = <T>(value: T): T => {
          client.destroy();
          return value;
        };
        assert.equal(
          codeOf(() => act(client, end)),
          'BUS_CLOSED',
        );
        assert.equal(client.stats().published, 0);
      }
    });

    test('subscribe or next read what they are given, nothing waits for what never comes', async () => {
      const module = inlineModule('export default () => {}');
      const acts: readonly ((client: Client, end: () => string) => unknown)[] = [
        (client, end) =>
          client.subscribe('/a', handler, {
            get name() {
              return end();
            },
          }),
        (client, end) =>
          client.subscribe('/a', {
            get name() {
              return end();
            },
          }),
        (client, end) =>
          client.subscribe(
            {
              get topics() {
                return end();
              },
            },
            handler,
          ),
        (client, end) =>
          client.subscribe('/a', module, {
            data: {
              get text() {
                return end();
              },
            },
          }),
        (client, end) =>
          client.next('/a', {
            get timeoutMs() {
              return end().length * 1_000_000;
            },
          }),
      ];
      for (const act of acts) {
        await using bus = createBus();
        const client = open(bus);
        const end = (): string => {
          client.destroy();
          return '/a';
        };
        let outcome = 'ended';
        try {
          const made = (await act(client, end)) as Subscription;
          await made.ended;
        } catch (error) {
          outcome = (error as { readonly code: string }).code;
        }
        // A connection says so by the end of what it has made.
        const outcomes = client === bus ? ['BUS_CLOSED'] : ['ended', 'BUS_SUBSCRIPTION_ENDED'];
        assert.ok(outcomes.includes(outcome), outcome);
        await until(() => bus.stats().subscriptions.length === 0);
      }
    });
  });

  test(`a subscription of ${name} that a getter of its new filter stops wants nothing any more`, async () => {
    await using bus = createBus();
    const client = open(bus);
    const subscription = client.subscribe('/a', handler);
    await subscription.ready;
    const filter = {
      get topics() {
        void subscription.stop();
        return '/b';
      },
    };
    assert.equal(
      codeOf(() => subscription.setFilter(filter)),
      'BUS_SUBSCRIPTION_ENDED',
    );
    assert.equal(subscription.filter, '/a');
    await until(() => bus.stats().subscriptions.length === 0);
    bus.publish('/b', 1);
    assert.equal(bus.stats().unwanted, 1);
  });
}
