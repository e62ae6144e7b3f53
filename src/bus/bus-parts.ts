/** The parts that a bus is made of, and how they are put together. */
import type { EventEmitter } from 'node:events';
import { FullNews } from '../channels/full-news.js';
import { TypeRegistry } from '../envelope/type-registry.js';
import { UnknownTypeError } from '../errors.js';
import { KeepAlive } from '../host/keep-alive.js';
import { emitSafely, reportError } from '../host/report.js';
import { checkTimers } from '../host/timing.js';
import { Bridges } from '../observe/bridges.js';
import { Backpressure } from '../publish/backpressure.js';
import { EventTypes, MAX_TYPES } from '../publish/event-types.js';
import { Extensions } from '../publish/extensions.js';
import { allocateOrigins, Origins } from '../publish/origins.js';
import { EVICTIONS } from '../publish/owner-counters.js';
import { Publisher } from '../publish/publisher.js';
import { Readers } from '../publish/readers.js';
import { StallWatch } from '../publish/stall-watch.js';
import { TopicTable } from '../publish/topic-table.js';
import { allocateNames, NameDirectory, NameRegistry } from '../ring/name-registry.js';
import { allocateRing, attachRing } from '../ring/ring-memory.js';
import { RingWriter } from '../ring/ring-writer.js';
import type { Subscribing } from '../subscribe/subscribing.js';
import type { ModuleMeetings, SubscribingParts } from '../subscribe/subscribing-parts.js';
import { Subscriptions } from '../subscribe/subscriptions.js';
import { Arrivals } from '../subscribe/wait-hint.js';
import { FieldReader } from '../worker/field-reader.js';
import { TypeDirectory } from '../worker/type-directory.js';
import type { BusEvents } from './bus-events.js';
import type { ResolvedBusOptions } from './bus-options.js';

export interface BusParts extends SubscribingParts {
  readonly bus: EventEmitter<BusEvents>;
  readonly registry: TypeRegistry;
  readonly topicNames: NameRegistry;
  readonly types: EventTypes;
  readonly stalls: StallWatch;
  readonly keepUnwanted: boolean;
  readonly subscriptions: Subscriptions;
  readonly bridges: Bridges;
  readonly extensions: Extensions;
}

/** What whoever publishes works with. */
export type PublishingParts = Pick<BusParts, 'publisher' | 'backpressure' | 'registry' | 'extensions'>;

/** What a client of a bus works with. */
export type ClientParts = PublishingParts & { readonly subscriptions: Subscribing };

/**
 * Allocates the shared memory of a bus and puts its parts together.
 *
 * @param startPosition where the ring's positions begin, in units
 * @throws {FakeTimersError} `BUS_FAKE_TIMERS`
 * @throws {InvalidCapacityError} `BUS_INVALID_CAPACITY`
 * @throws {OutOfMemoryError} `BUS_OUT_OF_MEMORY`
 * @throws {TypesModuleError} `BUS_TYPES_MODULE`
 * @throws {UnknownTypeError} `BUS_UNKNOWN_TYPE`
 */
export function assembleBus(
  bus: EventEmitter<BusEvents>,
  options: ResolvedBusOptions,
  startPosition: number,
): BusParts {
  checkTimers();
  const ring = allocateRing(options.capacityBytes, startPosition);
  const memory = attachRing(ring);
  const registry = new TypeRegistry();
  registry.load(options.types, options.classes);
  const declared = new Map(
    [...options.topicTypes].map(([topic, typeUrl]) => {
      const codec = registry.find(typeUrl);
      if (codec === undefined) throw new UnknownTypeError(typeUrl);
      return [topic, codec] as const;
    }),
  );
  const topicMemory = allocateNames(options.maxTopics);
  const typeMemory = allocateNames(MAX_TYPES);
  const originMemory = allocateOrigins();
  const topicNames = new NameRegistry(topicMemory);
  const origins = new Origins(new NameRegistry(originMemory));
  const keepAlive = new KeepAlive();
  const readers = new Readers();
  const writer = new RingWriter(memory, (reader) => readers.wake(reader), startPosition);
  const topics = new TopicTable(topicNames, options.maxTopics, declared);
  const types = new EventTypes(registry, new NameRegistry(typeMemory));
  const stalls = new StallWatch(
    writer,
    readers,
    options.stallTimeoutMs,
    () => backpressure.roomMade(),
    (error) => {
      publisher.counters[EVICTIONS] = stalls.evictions;
      emitSafely(bus, 'evicted', error);
      reportError(error);
    },
  );
  const full = new FullNews(bus, () => (writer.holder < 0 ? undefined : readers.describe(writer.holder)));
  const publisher = new Publisher(
    writer,
    topics,
    types,
    readers,
    stalls,
    options,
    () => {
      backpressure.queued();
      full.queued(publisher.order.queue.events);
    },
    () => backpressure.roomMade(),
  );
  const backpressure = new Backpressure(writer, publisher, readers, keepAlive, stalls, () => {
    full.drained();
    emitSafely(bus, 'drain');
  });
  const reading = {
    memory,
    topicNames: new NameDirectory(topicMemory),
    types: new TypeDirectory(registry, new NameDirectory(typeMemory), new NameDirectory(originMemory)),
    fields: new FieldReader(registry),
  };
  const attachment = {
    ring,
    topicNames: topicMemory,
    typeNames: typeMemory,
    originNames: originMemory,
    types: options.types,
  };
  // The connections of the bus say what they are.
  const modules: ModuleMeetings = { handle: () => attachment, meet: () => () => {} };
  const parts = {
    bus,
    registry,
    topicNames,
    origins,
    extensions: new Extensions(origins),
    writer,
    topics,
    types,
    keepUnwanted: options.keepUnwanted,
    publisher,
    arrivals: new Arrivals(publisher, topics),
    readers,
    stalls,
    backpressure,
    keepAlive,
    reading,
    attachment,
    modules,
  };
  const bridges = new Bridges({
    bus,
    publishReserved: (topic, event) => publisher.publishReserved(topic, event),
    report: (error) => reportError(error, bus),
  });
  return { ...parts, subscriptions: new Subscriptions(parts), bridges };
}
