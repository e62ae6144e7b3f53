/** The bridges of this package, and what `checkBridge` says of those that are wrong. */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fromContainerd, toContainerd } from '../../src/bridges/containerd/index.js';
import { natsBridge } from '../../src/bridges/nats/index.js';
import { publishTo, serveEvents } from '../../src/bridges/ttrpc/index.js';
import {
  type Bridge,
  type BridgeEvents,
  type Bus,
  createBus,
  type Envelope,
  type Subscription,
} from '../../src/index.js';
import { type BridgeSubject, checkBridge } from '../../src/testing/index.js';
import { Containerd, noContainerd } from '../support/containerd.js';
import { NatsServer, noNatsServer } from '../support/nats-server.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

/** A world outside that is a list. */
class Outside {
  readonly got: string[] = [];
  readonly bridges = new Set<ListBridge>();

  send(topic: string): void {
    for (const bridge of this.bridges) bridge.take(topic);
  }
}

/** A bridge as small as one can be; tests break it. */
class ListBridge extends EventEmitter<BridgeEvents> implements Bridge {
  readonly name = 'list';
  readonly ready = Promise.resolve();
  readonly subscription: Subscription;
  count = 0;

  constructor(
    readonly bus: Bus,
    readonly outside: Outside,
  ) {
    super();
    outside.bridges.add(this);
    this.subscription = bus.subscribe('/check/**', (envelope) => this.put(envelope), { exceptOrigins: ['list'] });
  }

  put(envelope: Envelope): void {
    this.count++;
    this.outside.got.push(envelope.topic);
  }

  take(topic: string): void {
    this.bus.publish(topic, {}, { origin: 'list' });
  }

  stats() {
    return { count: this.count };
  }

  async close(): Promise<void> {
    this.outside.bridges.delete(this);
    await this.subscription.stop({ drain: true });
  }
}

function subject(Kind: new (bus: Bus, outside: Outside) => ListBridge, timeoutMs = 60_000): BridgeSubject {
  const outside = new Outside();
  return {
    create: (bus) => {
      outside.got.length = 0;
      return new Kind(bus, outside);
    },
    send: (topic) => outside.send(topic),
    received: () => outside.got,
    timeoutMs,
  };
}

describe('checkBridge', { timeout: 600_000 }, () => {
  test('has nothing to say against a bridge that does what a bridge does', () => checkBridge(subject(ListBridge)));

  const wrong: Record<string, [new (bus: Bus, outside: Outside) => ListBridge, RegExp, waitMs?: number]> = {
    'that sends back what came in': [
      class extends ListBridge {
        override take(topic: string): void {
          this.bus.publish(topic, {}, { origin: 'other' });
          if (topic === '/check/back') this.outside.got.push(topic);
        }
      },
      /does not go out again/,
    ],
    'that gives no origin': [
      class extends ListBridge {
        override take(topic: string): void {
          this.bus.publish(topic, {});
        }
      },
      /has an origin/,
    ],
    'that sends twice': [
      class extends ListBridge {
        override put(envelope: Envelope): void {
          super.put(envelope);
          super.put(envelope);
        }
      },
      /once, in order/,
    ],
    'that sends nothing': [
      class extends ListBridge {
        override put(): void {}
      },
      /what is published goes out/,
      // Waited for in vain.
      2_000,
    ],
    'that leaves a subscription behind': [
      class extends ListBridge {
        override async close(): Promise<void> {
          this.outside.bridges.delete(this);
        }
      },
      /leaves no subscription behind/,
    ],
    'whose counters are objects': [
      class extends ListBridge {
        override stats() {
          return { count: {} as number };
        }
      },
      /stats\(\)\.count/,
    ],
  };
  for (const [what, [Kind, message, waitMs]] of Object.entries(wrong))
    test(`rejects a bridge ${what}`, () => assert.rejects(checkBridge(subject(Kind, waitMs)), message));
});

describe('the bridges of this package', { timeout: 600_000 }, () => {
  test('ttrpc', async (t) => {
    const address = join(await temporaryDirectory(t), 's');
    await using publisher = publishTo(address);
    await checkBridge({
      create: (bus) => serveEvents(bus, { address }),
      send: (topic) => publisher.publish(topic, {}),
    });
  });

  test('containerd, both ways', { skip: noContainerd() }, async (t) => {
    const { address } = await Containerd.start(t);
    const other = createBus();
    t.after(() => other.destroy());
    await toContainerd(other, '/check/in/**', { address });
    let got: string[] = [];
    other.subscribe('/**', ({ topic, origin }) => {
      if (origin !== undefined) got.push(topic);
    });
    await (await fromContainerd(other, { address })).ready;
    await checkBridge({
      create: (bus) => fromContainerd(bus, { address }),
      send: (topic) => other.publish(topic, {}),
    });
    await checkBridge({
      create: (bus) => {
        got = [];
        return toContainerd(bus, '/check/**', { address });
      },
      received: () => got,
    });
  });

  test('nats', { skip: noNatsServer() }, async (t) => {
    const server = await NatsServer.start(t);
    const options = { stream: 'EVENTS', create: {}, out: { filter: '/**' }, in: {} };
    const other = createBus();
    t.after(() => other.destroy());
    await (await natsBridge(other, { ...options, connection: await server.connect() })).ready;
    let got: string[] = [];
    other.subscribe('/check/**', ({ topic, origin }) => {
      if (origin !== undefined) got.push(topic);
    });
    await checkBridge({
      create: async (bus) => {
        got = [];
        return natsBridge(bus, { ...options, connection: await server.connect() });
      },
      send: (topic) => other.publish(topic, {}),
      received: () => got,
    });
  });
});
