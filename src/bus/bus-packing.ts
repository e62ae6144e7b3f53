/** What any client of a bus packs events with, and emits by. */
import type { EventEmitter } from 'node:events';
import type { BusHandle } from '../connect/bus-handle.js';
import { BusEmitter, type Emitter, type EmitterOptions } from '../emit/emitter.js';
import type { AnyEvent } from '../envelope/any-event.js';
import type { TypeRegistry } from '../envelope/type-registry.js';
import { NO_OPTIONS } from '../publish/publish-options.js';
import type { AnyTopics } from '../subscribe/typed-topics.js';
import type { BusEvents } from './bus-events.js';
import type { PublishingParts } from './bus-parts.js';
import { BusPublishing } from './bus-publishing.js';

/** The part of a client that publishes, emits and packs. */
export abstract class BusPacking<Topics extends object = AnyTopics> extends BusPublishing<Topics> {
  readonly #registry: TypeRegistry;

  /**
   * @param assemble puts the parts together that this client works with
   * @internal
   */
  constructor(assemble: (client: EventEmitter<BusEvents>) => PublishingParts) {
    let registry!: TypeRegistry;
    super((client) => {
      const parts = assemble(client);
      registry = parts.registry;
      return parts;
    });
    this.#registry = registry;
  }

  /** What other threads connect to this bus with. */
  abstract readonly handle: BusHandle<Topics>;

  /**
   * An emitter for this bus, to inject into a subsystem or to run it with (`runWithEmitter`).
   *
   * @param options `namespace`: default the bus's; `prefix`: the topic that relative topics are below
   * @throws {InvalidNamespaceError} `BUS_INVALID_NAMESPACE`, and `BUS_INVALID_TOPIC` when the prefix is no topic
   */
  emitter(options: EmitterOptions = NO_OPTIONS): Emitter {
    return new BusEmitter(this, options);
  }

  /**
   * The event as an Any, with the types of this bus: its class decides, a value of no class is MessagePack, an Any stays as
   * it is. For events inside other events; `publish` packs by itself.
   *
   * @throws {InvalidEventError} `BUS_INVALID_EVENT` when the event cannot be encoded
   */
  anyPack(event: unknown): AnyEvent {
    return this.#registry.anyPack(event);
  }

  /**
   * The event in an Any, with the types of this bus.
   *
   * @throws {InvalidOptionError} `BUS_INVALID_OPTION` when it is no Any
   * @throws {UnknownTypeError} `BUS_UNKNOWN_TYPE` when its type is not registered
   * @throws {MalformedPayloadError} `BUS_MALFORMED_PAYLOAD` when its value does not decode
   */
  anyUnpack(any: AnyEvent): unknown {
    return this.#registry.anyUnpack(any);
  }
}
