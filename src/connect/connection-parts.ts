/** The parts that a connection is made of: those of a bus, over an uplink in place of the ring. */
import type { EventEmitter } from 'node:events';
import { FullNews } from '../channels/full-news.js';
import { TypeRegistry } from '../envelope/type-registry.js';
import { UnknownTypeError } from '../errors.js';
import { KeepAlive } from '../host/keep-alive.js';
import { emitSafely } from '../host/report.js';
import { checkTimers } from '../host/timing.js';
import { WallClock } from '../publish/clock.js';
import { EventTypes } from '../publish/event-types.js';
import { Extensions } from '../publish/extensions.js';
import { allocateOrigins, Origins } from '../publish/origins.js';
import { allocateCounters } from '../publish/owner-counters.js';
import { Publisher } from '../publish/publisher.js';
import { Readers } from '../publish/readers.js';
import { StallWatch } from '../publish/stall-watch.js';
import type { Want } from '../publish/topic-entry.js';
import { TopicTable } from '../publish/topic-table.js';
import { NameDirectory, type NameGrants, NameRegistry } from '../ring/name-registry.js';
import { maxRecordBytes, type RingMemory } from '../ring/ring-memory.js';
import { OWNER_SLOT } from '../ring/uplink-descriptor.js';
import { allocateUplink, MIN_UPLINK_BYTES } from '../ring/uplink-memory.js';
import { UplinkWriter } from '../ring/uplink-writer.js';
import type { ReadingContext } from '../subscribe/local-reader.js';
import { compileFilter } from '../topic/filter.js';
import { FieldReader } from '../worker/field-reader.js';
import { TypeDirectory } from '../worker/type-directory.js';
import { AskedSubscriptions } from './asked-subscriptions.js';
import type { BusHandle } from './bus-handle.js';
import type { ToConnection } from './connection-messages.js';
import { ConnectionSubscriptions } from './connection-subscriptions.js';
import type { TellOwn } from './modules/module-messages.js';
import { OwnerLink } from './owner-link.js';
import { greeterHere } from './reception.js';
import { UplinkBackpressure } from './uplink-waits.js';
import { AskedWaits } from './waits/asked-waits.js';

/** An uplink is this share of the ring of the bus, which takes records of an eighth of its own size. */
const UPLINK_SHARE = 2;
/** Ids are granted by the thread that owns the bus. */
const NO_GRANTS: NameGrants = { append: () => 0 };
/** Whoever it is that wants a topic, the owner does. Events of excepted origins are skipped. */
const THE_OWNER: Want = { reader: OWNER_SLOT, exceptOrigins: new Set() };

export interface ConnectionParts {
  readonly registry: TypeRegistry;
  readonly extensions: Extensions;
  readonly publisher: Publisher;
  readonly backpressure: UplinkBackpressure;
  readonly keepAlive: KeepAlive;
  readonly writer: UplinkWriter;
  readonly link: OwnerLink;
  readonly subscriptions: ConnectionSubscriptions;
  /** Those that have not ended. */
  readonly asked: AskedSubscriptions;
  /** Takes what the owner says and fills the uplink from the heap, where no event loop does. */
  hear(): void;
}

/** What happens to a connection. None may throw. */
export interface ConnectionEvents {
  /** The bus accepts nothing more. */
  onClosing(): void;
  /** Something happened to a subscription here that a bus tells of. */
  readonly onOwn: TellOwn;
  /** The owner takes nothing over any more, or is gone. */
  onEnd(): void;
  /** The bus has as many connections as it can: nothing more may be accepted. */
  onRefused(connections: number): void;
}

/**
 * Allocates the uplink of a connection, and puts its parts together.
 *
 * @throws {TypesModuleError} `BUS_TYPES_MODULE`
 * @throws {UnknownTypeError} `BUS_UNKNOWN_TYPE` when `topicTypes` of the bus names a type that only the owner's thread has
 */
export function assembleConnection(
  client: EventEmitter,
  handle: BusHandle,
  name: string,
  events: ConnectionEvents,
): ConnectionParts {
  checkTimers();
  const registry = new TypeRegistry();
  registry.load(handle.types);
  const declared = new Map(
    [...handle.topicTypes].map(([topic, typeUrl]) => {
      const codec = registry.find(typeUrl);
      if (codec === undefined) throw new UnknownTypeError(typeUrl);
      return [topic, codec] as const;
    }),
  );
  const topics = new TopicTable(NO_GRANTS, handle.maxTopics, declared);
  const types = new EventTypes(registry, NO_GRANTS);
  // Until the owner has said what is wanted; and for good where a bus keeps all.
  const everything = {};
  topics.want(everything, compileFilter('/**'), THE_OWNER);
  const wants = new Map<number, object>();
  const onTold = (message: Exclude<ToConnection, number>): void => {
    if (message.kind === 'interest') {
      for (const [key, filter] of message.added) {
        const want = {};
        wants.set(key, want);
        topics.want(want, compileFilter(filter), THE_OWNER);
      }
      for (const key of message.dropped) {
        const want = wants.get(key);
        wants.delete(key);
        if (want !== undefined) topics.unwant(want);
      }
      if (!handle.keepUnwanted) topics.unwant(everything);
    } else if (message.kind === 'grants') {
      for (const [topic, id] of message.topics) topics.grant(topic, id);
      for (const [typeUrl, id] of message.types) types.grant(typeUrl, id);
    } else if (message.kind === 'deadlock') {
      waits.deny(message.reader, message.waits);
      backpressure.rejectDeadlocked();
      if (!waits.isBlocked) waits.forget();
    } else if (message.kind === 'closing') events.onClosing();
    else if (message.kind === 'refused') events.onRefused(message.connections);
    else if (message.kind === 'instead' || message.kind === 'topics?') askedWaits.hear(message);
    else asked.hear(message);
  };
  const busBytes = handle.ring.records.byteLength;
  const buffers = allocateUplink(Math.max(MIN_UPLINK_BYTES, busBytes / UPLINK_SHARE));
  // Numbered by this thread for itself: the owner gives them the numbers of the bus as it takes their events over.
  const originNames = allocateOrigins();
  const extensions = new Extensions(new Origins(new NameRegistry(originNames)));
  const counters = allocateCounters();
  const link: OwnerLink = new OwnerLink(
    handle,
    { name, uplink: buffers, originNames, counters: counters.buffer },
    {
      onTold,
      onRoom: () => backpressure.roomMade(),
      onWoken: (slot) => asked.readers.wake(slot),
      onLook: () => asked.tellCounts(),
      onEnd: events.onEnd,
    },
  );
  const writer: UplinkWriter = new UplinkWriter(link.memory, maxRecordBytes(busBytes), {
    ring: () => link.ring(),
    closing: () => link.lookEachTime(),
    refused: () => {
      publisher.order.isTooLate = true;
    },
  });
  const { waits } = link;
  const readers = new Readers();
  readers.set(OWNER_SLOT, {
    // What this thread would wait for in a blocked state, only this thread could do.
    local: greeterHere(handle.busId)?.isOwner === true,
    describe: () => (waits.isBlockDenied ? 'a subscription of this thread' : 'the thread that owns the bus'),
    wake: () => {},
    restartNow: () => {
      if (waits.mayBlock) waits.block();
      if (link.hasNews) link.hear();
      if (waits.mayBlock) link.probeOwner();
      return !waits.isBlockDenied;
    },
    isComingBack: () => false,
    evict: () => {},
  });
  const nobody = (): void => {};
  const stalls = new StallWatch(writer, readers, Number.POSITIVE_INFINITY, nobody, nobody);
  const keepAlive = new KeepAlive();
  const full = new FullNews(client, () => readers.describe(OWNER_SLOT));
  let isQueued = false;
  const onQueued = (): void => {
    const { queue } = publisher.order;
    writer.setQueued(queue.events);
    backpressure.queued();
    full.queued(queue.events);
    if (!isQueued && queue.length > 0) void untilEmptied();
  };
  const untilEmptied = async (): Promise<void> => {
    isQueued = true;
    // Accepted is accepted: a thread that has nothing else to do waits until it is in the uplink.
    keepAlive.hold();
    while (publisher.order.queue.length > 0 && !publisher.pending.isAbandoned) {
      await Promise.race([backpressure.emptied(), backpressure.abandoned]);
    }
    keepAlive.release();
    isQueued = false;
    writer.setQueued(0);
    // A closing bus waits for this.
    writer.flush();
  };
  const { namespace, maxPendingBytes } = handle;
  // Each record: an owner that is awake costs a load, and one that sleeps has to be rung for before this thread may block.
  const options = { namespace, maxPendingBytes, keepUnwanted: false, flush: 'each', clock: new WallClock() } as const;
  const onBlocked = (): void => backpressure.roomMade();
  const publisher: Publisher = new Publisher(
    writer,
    topics,
    types,
    readers,
    stalls,
    options,
    onQueued,
    onBlocked,
    counters,
  );
  const onDrain = (): void => {
    full.drained();
    emitSafely(client, 'drain');
  };
  const backpressure = new UplinkBackpressure(waits, writer, publisher, readers, keepAlive, stalls, onDrain);
  const hear = (): void => {
    link.hear();
    if (publisher.order.queue.length > 0) {
      publisher.pending.writeBehind();
      writer.setQueued(publisher.order.queue.events);
      writer.flush();
    }
  };
  let reading: ReadingContext | undefined;
  const askedWaits = new AskedWaits(topics, (message) => link.say(message));
  const subscribing = {
    ...{ client, keepAlive, link, topics, publisher, askedWaits },
    onOwn: events.onOwn,
    maxRecordBytes: writer.maxRecordBytes,
    theOwner: THE_OWNER,
    // For the first reader: a thread that only publishes does without.
    reading: () => {
      reading ??= openReading(link.busMemory, handle, registry);
      return reading;
    },
  };
  const asked = new AskedSubscriptions(subscribing);
  const subscriptions = new ConnectionSubscriptions(subscribing, asked);
  return { registry, extensions, publisher, backpressure, keepAlive, writer, link, subscriptions, asked, hear };
}

/** Opens what readers on this thread have in common. */
function openReading(memory: RingMemory, handle: BusHandle, registry: TypeRegistry): ReadingContext {
  const [topicNames, typeNames, originNames] = [handle.topicNames, handle.typeNames, handle.originNames].map(
    (names) => new NameDirectory(names),
  ) as [NameDirectory, NameDirectory, NameDirectory];
  const types = new TypeDirectory(registry, typeNames, originNames);
  return { memory, topicNames, types, fields: new FieldReader(registry) };
}
