/** The published types in projects of users: versions of TypeScript by settings, each with all entries and a generated class. */
import { after, before, describe, test } from 'node:test';
import { covering } from '../support/full.js';
import { readmeExample, UserProject } from '../support/user-project.js';

const project = new UserProject();
after(() => project.remove());

/** The oldest, those that changed what declarations may hold, and the newest. `@types/node` 20 has compiled with each since 5.0. */
const VERSIONS = ['5.0', '5.2', '5.4', '5.5', '5.7', '5.8', '5.9', '6.0', '7.0'];

/** Options of the compiler, on which files, since which version, and before which. */
interface Setting {
  readonly options: string;
  readonly files?: readonly string[];
  readonly since?: string;
  readonly before?: string;
}

const EVERYTHING = ['main.ts', 'audit.ts', 'all.ts'];
const STRICTEST =
  '--module nodenext --exactOptionalPropertyTypes --noUncheckedIndexedAccess --noPropertyAccessFromIndexSignature --noImplicitOverride';
const SETTINGS: Readonly<Record<string, Setting>> = {
  'the strictest options': { options: STRICTEST },
  node16: { options: '--module node16 --moduleResolution node16' },
  'preserved modules': { options: '--module preserve --verbatimModuleSyntax', since: '5.4' },
  'a bundler': { options: '--module esnext --moduleResolution bundler' },
  'no DOM, and no types': { options: '--module nodenext --lib es2022 --types node' },
  'modules compiled one by one': { options: '--module nodenext --verbatimModuleSyntax --isolatedModules' },
  'declarations of its own': {
    options: '--module nodenext --declaration --emitDeclarationOnly --noEmit false --outDir out',
  },
  'declarations without inference': { options: '--module nodenext --declaration --isolatedDeclarations', since: '5.5' },
  'erasable syntax only': { options: '--module nodenext --erasableSyntaxOnly', since: '5.8' },
  'the target ES2020': { options: '--module nodenext --target es2020 --lib es2020' },
  CommonJS: { options: '--module nodenext', files: ['common.cts', 'generated/order.ts'] },
  'JavaScript with JSDoc': {
    options: '--module nodenext --allowJs --checkJs',
    files: ['checked.js', 'checked-common.cjs'],
  },
  'resolution as before exports': {
    options: '--module commonjs --moduleResolution node10 --esModuleInterop',
    files: ['audit.ts'],
    before: '6.0',
  },
};

const FILES = {
  'order.proto': `
    syntax = "proto3";
    package shop;
    import "google/protobuf/timestamp.proto";
    enum Kind { KIND_UNSPECIFIED = 0; KIND_GIFT = 1; }
    message Line { int64 price = 1; map<string, Line> parts = 2; oneof what { string name = 3; bytes code = 4; } optional Kind kind = 5; }
    message Order { string id = 1; repeated Line lines = 2; google.protobuf.Timestamp placed_at = 3; }`,
  'all.ts': `
    import { BusError, connectBus, createBus, emit, formatCtrLine, runWithEmitter } from 'ringcast';
    import type { Bus, BusHandle, BusOptions, Envelope, EventStream, FilterInput, Handler, SubscriberModule, Subscription, TopicOf } from 'ringcast';
    import type { EventCodec } from 'ringcast/codec';
    import { fromContainerd } from 'ringcast/containerd';
    import { TaskExit } from 'ringcast/events';
    import { type NatsConnection, natsBridge } from 'ringcast/nats';
    import { instrument } from 'ringcast/opentelemetry';
    import { openServices, type Services } from 'ringcast/services';
    import { createTestBus, manualClock } from 'ringcast/testing';
    import { type EventServer, publishTo, serveEvents } from 'ringcast/ttrpc';
    import attach from 'ringcast/worker';
    import { Kind, Line, Order } from './generated/order.js';

    export interface Topics {
      '/tasks/exit': TaskExit;
      '/orders/new': Order;
      [topic: \`/sensors/\${string}\`]: { celsius: number };
    }
    export const options: BusOptions = { capacityBytes: 65_536, types: [Order] };
    export const bus: Bus<Topics> = createBus<Topics>(options);
    export const anything: Bus = createBus();

    bus.publish('/sensors/hall', { celsius: 21 });
    bus.publish('/orders/new', new Order({ id: 'o', lines: [new Line({ price: 7n, kind: Kind.KIND_GIFT })] }));
    bus.subscribe('/tasks/*', ({ event, topic }) => console.log(topic, event.exitStatus + 1));
    bus.subscribe(['/tasks/exit', '/orders/*'], (envelope) => {
      if (envelope.topic === '/orders/new') console.log(envelope.event.lines[0]?.price);
    });
    // @ts-expect-error: no such topic
    bus.publish('/tasks/exti', { exitStatus: 1 });
    // @ts-expect-error: selects nothing
    bus.subscribe('/nothing/*', () => {});

    export function on<E>(filter: FilterInput, handler: (event: E, envelope: Envelope<E>) => void): Subscription {
      return anything.subscribe(filter, (envelope: Envelope<E>) => handler(envelope.event as E, envelope));
    }
    export function publish<Topic extends TopicOf<Topics>>(topic: Topic, event: Topics[Topic]): boolean {
      return bus.publish(topic, event);
    }
    export const log = (envelope: Envelope): void => console.log(formatCtrLine(envelope));
    export const handler: Handler<Envelope<{ id: string }>> = ({ event }) => console.log(event.id);
    anything.subscribe('/a', handler, { once: true });
    anything.subscribe('/a', async (envelope: Envelope<{ id: string }>) => log(envelope), { signal: AbortSignal.timeout(5) });
    anything.subscribe('/a', new URL('./audit.js', import.meta.url), { name: 'audit', restart: { maxRestarts: 3 } });
    anything.on('error', (error) => console.log(error instanceof BusError, error.message));

    export const onThread: SubscriberModule<{ level: number }, { id: string }> = {
      setup: ({ data }) => console.log(data.level),
      handle: (envelope) => console.log(envelope.event.id),
    };
    export async function read(stream: EventStream): Promise<number> {
      let bytes = 0;
      for await (const envelope of stream) bytes += envelope.payload.length;
      return bytes;
    }
    export async function bridges(connection: NatsConnection, handle: BusHandle<Topics>): Promise<void> {
      const server: EventServer = await serveEvents(bus, { address: 's' });
      const source = await fromContainerd(bus, { address: 'c' });
      const bridge = await natsBridge(bus, { connection, stream: 'S', out: { filter: '/**' } });
      const publisher = publishTo('s');
      await publisher.publish('/a', { id: 1 });
      const services: Services = await openServices({ directory: 'd' });
      const end = instrument(bus);
      end();
      connectBus(handle).publish('/sensors/x', { celsius: 1 });
      const codec: EventCodec = Order;
      const { event, timestamp } = await bus.next('/orders/*', { timeoutMs: 5 });
      console.log(event.id, timestamp + 1n, services, server.ready, source.ready, bridge.ready, codec, attach);
    }
    export async function tests(): Promise<void> {
      const { timestamp } = await createTestBus({ clock: manualClock(0) }).assertPublished('/a', { id: 1 });
      runWithEmitter(anything.emitter({ prefix: '/p' }), () => emit('/x', timestamp));
    }`,
  'common.cts': `
    import { createBus, type Envelope } from 'ringcast';
    import { TaskExit } from 'ringcast/events';
    import type { EventCodec } from 'ringcast/codec';
    import { openServices } from 'ringcast/services';
    import { createTestBus } from 'ringcast/testing';
    import { serveEvents } from 'ringcast/ttrpc';
    import { fromContainerd } from 'ringcast/containerd';
    import { natsBridge } from 'ringcast/nats';
    import { instrument } from 'ringcast/opentelemetry';
    const bus = createBus();
    bus.subscribe('/a', (envelope: Envelope<{ id: string }>) => console.log(envelope.event.id));
    bus.publish('/a', new TaskExit({ exitStatus: 1 }));
    const codec: EventCodec = TaskExit;
    const end: () => void = instrument(bus);
    export = { bus, codec, end, openServices, createTestBus, serveEvents, fromContainerd, natsBridge };`,
  'checked.js': `
    import { createBus } from 'ringcast';
    import { Order } from './compiled/order.js';
    /** @typedef {import('ringcast').Envelope<Order>} OrderEnvelope */
    const bus = createBus();
    bus.subscribe('/orders/*', (/** @type {OrderEnvelope} */ { event }) => console.log(event.id.length));
    bus.publish('/orders/new', new Order({ id: 'o' }));
    // @ts-expect-error: no such option
    createBus({ capacity: 5 });
    /** @type {import('ringcast').SubscriberFunction<{ level: number }>} */
    export default (envelope, { data }) => console.log(envelope.topic, data.level + 1);`,
  'checked-common.cjs': `
    const { createBus } = require('ringcast');
    const bus = createBus();
    bus.subscribe('/a', ({ event }) => console.log(event.id));
    /** @type {import('ringcast').SubscriberFunction} */
    module.exports = (envelope) => console.log(envelope.timestamp + 1n);`,
};

const newer = (one: string, other: string): boolean => Number(one) >= Number(other);

/** Each version with the strictest options, and each setting with its oldest and its newest version. */
const CASES = VERSIONS.flatMap((version) =>
  Object.entries(SETTINGS)
    .filter(([name, { since = VERSIONS[0]!, before = '9.0' }]) => {
      const able = VERSIONS.filter((one) => newer(one, since) && !newer(one, before));
      return able.includes(version) && (name === 'the strictest options' || [able[0], able.at(-1)].includes(version));
    })
    .map(([name, setting]) => ({ version, name, ...setting })),
);

describe('the published types', { timeout: 1_800_000 }, () => {
  before(async () => {
    const peers = ['@opentelemetry/api', '@grpc/grpc-js', '@nats-io/jetstream@3', '@nats-io/transport-node@3'];
    const compilers = VERSIONS.map((version) => `typescript-${version}@npm:typescript@~${version}.0`);
    await project.install('@types/node@20', ...peers, ...compilers);
    project.write({ ...readmeExample(), ...FILES });
    await project.run('ringcast', 'generate', 'order.proto', '--out', 'generated');
    await project.run('ringcast', 'generate', 'order.proto', '--out', 'compiled', '--js');
  });

  for (const { version, name, options, files = EVERYTHING } of covering(CASES, 5)) {
    test(`compile with TypeScript ${version} and ${name}`, async () => {
      const compiler = `node_modules/typescript-${version}/bin/tsc`;
      const all = ['--strict', '--skipLibCheck', 'false', '--target', 'es2022', '--noEmit', ...options.split(' ')];
      const alone = newer(version, '6.0') ? ['--ignoreConfig'] : [];
      await project.run('node', compiler, ...alone, ...all, ...files);
    });
  }
});
