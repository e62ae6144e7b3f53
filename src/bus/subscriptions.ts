/** Makes subscriptions, keeps track of them, and of the reader slots they use. */
import type { EventEmitter } from 'node:events';
import type { ReceivedEnvelope } from '../envelope/envelope.js';
import { BusError, HandlerError, InvalidOptionError, TooManyReadersError } from '../errors.js';
import { MAX_READERS } from '../ring/control-descriptor.js';
import { UNIT_BYTES } from '../ring/record-descriptor.js';
import type { RingWriter } from '../ring/ring-writer.js';
import { type CompiledFilter, compileFilter, type FilterInput } from '../topic/filter.js';
import type { Attachment } from '../worker/worker-protocol.js';
import { moduleUrl } from './bus-options.js';
import { EventStream } from './event-stream.js';
import { HandlerDelivery } from './handler-delivery.js';
import type { KeepAlive } from './keep-alive.js';
import { LocalReader, type ReadingContext } from './local-reader.js';
import { ModuleDelivery } from './module-delivery.js';
import type { Publisher } from './publisher.js';
import type { Readers } from './readers.js';
import { reportError } from './report.js';
import type { Room } from './room.js';
import {
  checkHandlerOptions,
  checkModuleOptions,
  checkStreamOptions,
  type HandlerOptions,
  type ModuleOptions,
  type SubscribeOptions,
} from './subscribe-options.js';
import { Subscription, type SubscriptionSource, stopOnAbort } from './subscription.js';
import type { TopicTable } from './topic-table.js';

/** Called with each event; a returned promise is awaited before the next one. */
export type Handler = (envelope: ReceivedEnvelope) => void | Promise<void>;

/** What of an {@link Attachment} is the same for all threads of a bus. */
export type SharedAttachment = Pick<Attachment, 'ring' | 'topicNames' | 'typeNames' | 'types'>;

/** The parts of a bus that subscriptions work with. */
export interface SubscriptionParts {
  readonly bus: EventEmitter;
  readonly writer: RingWriter;
  readonly topics: TopicTable;
  readonly publisher: Publisher;
  readonly readers: Readers;
  readonly room: Room;
  readonly keepAlive: KeepAlive;
  readonly reading: ReadingContext;
  readonly attachment: SharedAttachment;
}

export class Subscriptions {
  readonly #parts: SubscriptionParts;
  readonly #all = new Set<Subscription>();
  readonly #source: SubscriptionSource;
  readonly #filters = new Map<Subscription, CompiledFilter>();
  #shared: LocalReader | undefined;
  #made = 0;

  constructor(parts: SubscriptionParts) {
    this.#parts = parts;
    const { publisher, room, writer } = parts;
    this.#source = {
      nextSequence: () => publisher.nextSequence,
      wakeWhenWritten: (reader) => void room.emptied().then(() => writer.waker.wakeNow(reader)),
    };
  }

  /** Those that have not ended. */
  get all(): ReadonlySet<Subscription> {
    return this.#all;
  }

  /** The compiled filter of a subscription that has not ended. */
  filterOf(subscription: Subscription): CompiledFilter {
    return this.#filters.get(subscription)!;
  }

  handler(filter: FilterInput, handler: Handler, options: HandlerOptions): Subscription {
    checkHandlerOptions(options);
    const compiled = compileFilter(filter);
    const subscription = this.#make(Subscription, compiled, options);
    const handle = options.once === true ? once(subscription, handler) : handler;
    const reader = options.isolate === true ? this.#openReader(subscription.name) : this.#sharedReader();
    this.#deliverTo(subscription, reader, compiled, handle);
    stopOnAbort(subscription, options.signal);
    return subscription;
  }

  stream(filter: FilterInput, options: SubscribeOptions): EventStream {
    checkStreamOptions(options);
    const compiled = compileFilter(filter);
    const stream = this.#make(EventStream, compiled, options);
    this.#deliverTo(stream, this.#openReader(stream.name), compiled, stream.accept);
    stopOnAbort(stream, options.signal);
    return stream;
  }

  module(filter: FilterInput, module: URL, options: ModuleOptions): Subscription {
    checkModuleOptions(options);
    const compiled = compileFilter(filter);
    const { writer, publisher, readers, room, topics, reading, attachment } = this.#parts;
    const subscription = this.#make(Subscription, compiled, options);
    const { name } = subscription;
    const data = cloneData(options.data);
    const url = moduleUrl('module', module);
    const reader = this.#takeSlot();
    const handle = topics.add(compiled, reader);
    const delivery = new ModuleDelivery(
      {
        ...attachment,
        name,
        moduleUrl: url,
        filter: compiled.source,
        data,
        loop: options.loop ?? 'cooperative',
        reader,
        nextSequence: writer.sequence,
        joinSequence: publisher.nextSequence,
      },
      options.resourceLimits,
      reading.memory,
      {
        onError: (error) => reportError(error, subscription, this.#parts.bus),
        onRoom: () => room.made(),
        onExit: () => {
          topics.remove(handle);
          this.#giveSlotBack(reader);
        },
      },
      () => this.#backlogBytes(reader),
    );
    readers.set(reader, { local: false, describe: () => describe(name), wake: () => delivery.wake() });
    this.#track(subscription, compiled, delivery);
    stopOnAbort(subscription, options.signal);
    return subscription;
  }

  #make<S extends Subscription>(
    type: new (name: string, filter: FilterInput, keepAlive: KeepAlive, source: SubscriptionSource) => S,
    filter: CompiledFilter,
    options: SubscribeOptions,
  ): S {
    const { keepAlive } = this.#parts;
    const name = options.name ?? `subscription-${++this.#made}`;
    return new type(name, filter.source, keepAlive, this.#source);
  }

  #deliverTo(subscription: Subscription, reader: LocalReader, filter: CompiledFilter, handler: Handler): void {
    const { publisher, topics, bus } = this.#parts;
    const handle = topics.add(filter, reader.reader);
    const report = (cause: unknown, envelope: ReceivedEnvelope): void => {
      const error = new HandlerError(subscription.name, envelope.topic, envelope.sequence, cause);
      reportError(error, subscription, bus);
    };
    const delivery = new HandlerDelivery(
      reader,
      filter,
      publisher.nextSequence,
      handler,
      report,
      () => this.#backlogBytes(reader.reader),
      () => topics.remove(handle),
    );
    this.#track(subscription, filter, delivery);
  }

  #track(subscription: Subscription, filter: CompiledFilter, delivery: HandlerDelivery | ModuleDelivery): void {
    this.#all.add(subscription);
    this.#filters.set(subscription, filter);
    subscription.attach(delivery);
    void delivery.ended.then(() => {
      this.#all.delete(subscription);
      this.#filters.delete(subscription);
    });
  }

  /** The reader that handlers of this thread share. */
  #sharedReader(): LocalReader {
    this.#shared ??= this.#openReader('handlers');
    return this.#shared;
  }

  #openReader(name: string): LocalReader {
    const { writer, readers, room, reading } = this.#parts;
    const slot = this.#takeSlot();
    const reader = new LocalReader(
      slot,
      reading,
      writer.sequence,
      () => room.made(),
      () => {
        if (this.#shared === reader) this.#shared = undefined;
        this.#giveSlotBack(slot);
      },
    );
    readers.set(slot, { local: true, describe: () => describe(name), wake: () => reader.wake() });
    return reader;
  }

  #takeSlot(): number {
    const reader = this.#parts.writer.join(true);
    if (reader < 0) throw new TooManyReadersError(MAX_READERS);
    return reader;
  }

  #giveSlotBack(reader: number): void {
    const { writer, readers, room } = this.#parts;
    readers.clear(reader);
    writer.leave(reader);
    // It may have been what held the ring.
    room.made();
  }

  #backlogBytes(reader: number): number {
    const { writer } = this.#parts;
    return (writer.tail - writer.gate.released(reader, writer.tail)) * UNIT_BYTES;
  }
}

function once(subscription: Subscription, handler: Handler): Handler {
  return (envelope) => {
    void subscription.stop();
    return handler(envelope);
  };
}

function describe(name: string): string {
  return `subscription ${JSON.stringify(name)}`;
}

/** A clone, made now: what cannot be cloned is refused here, and later changes do not show. */
function cloneData(data: unknown): unknown {
  try {
    return structuredClone(data);
  } catch (error) {
    if (error instanceof BusError) throw error;
    throw new InvalidOptionError('data', data, `something that can be cloned (${(error as Error).message})`);
  }
}
