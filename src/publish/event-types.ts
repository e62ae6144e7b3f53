/** What an event is published as, and the ids of types in shared memory. */

import { prototypeOf, typeUrlOfAny } from '../envelope/any-event.js';
import { type PayloadEncoder, rawPayload } from '../envelope/envelope-template.js';
import type { EventCodec } from '../envelope/event-codec.js';
import { messagePackCodec } from '../envelope/payload-codec.js';
import type { TypeRegistry } from '../envelope/type-registry.js';
import { checkTypeUrl } from '../envelope/type-url.js';
import { InvalidEventError } from '../errors.js';
import type { NameGrants } from '../ring/name-registry.js';
import { MAX_TYPE_ID } from '../ring/record-descriptor.js';

/** A type as its events are written. */
export interface PublishedType {
  readonly typeUrl: string;
  readonly codec: PayloadEncoder;
  /** Index in the type registry; 0: the registry is full, readers read the envelope. */
  readonly id: number;
}

type EventClass = abstract new (...args: never) => unknown;

/**
 * Whether a class has made an event, and no subclass of it. In doubt it has not. `Object.getPrototypeOf` would be certain, and
 * is a call into V8's runtime: five times as long.
 */
function isMadeBy(event: object, Class: EventClass): boolean {
  try {
    return event.constructor === Class && event instanceof Class;
  } catch {
    return false;
  }
}

/** Types that get an id; enough for any schema, bounded because an Any may carry any type URL. */
export const MAX_TYPES = 4096;

export class EventTypes {
  readonly #registry: TypeRegistry;
  readonly #names: NameGrants;
  readonly #ids = new Map<string, number>();
  readonly #published = new Map<EventCodec, PublishedType>();
  /** The class of the last event that had one, and its type: most events of a burst are alike. */
  #lastClass: EventClass = EventTypes;
  #lastType: PublishedType | undefined;

  constructor(registry: TypeRegistry, names: NameGrants) {
    this.#registry = registry;
    this.#names = names;
  }

  /**
   * What `event` is published as: an instance of an event class as that type, an Any as what it says, a plain object as
   * the type declared for its topic, and every other value as MessagePack.
   *
   * @throws {InvalidEventError} `BUS_INVALID_EVENT` for undefined, and when a getter throws that says what it is
   * @throws {InvalidTypeUrlError} `BUS_INVALID_TYPE_URL` for an Any whose type URL is empty or too long
   */
  of(event: unknown, declared: EventCodec | undefined, topic: string): PublishedType {
    if (event === undefined) {
      throw new InvalidEventError('is undefined; publish a value, or null for none', undefined, topic);
    }
    if (event === null || typeof event !== 'object') return this.#typeOf(declared ?? messagePackCodec);
    if (isMadeBy(event, this.#lastClass)) return this.#lastType!;
    const prototype = prototypeOf(event);
    const codec = prototype === Object.prototype ? undefined : this.#registry.codecOf(event);
    if (codec !== undefined) {
      const type = this.#typeOf(codec);
      this.#remember(prototype, type);
      return type;
    }
    const typeUrl = typeUrlOfAny(event);
    if (typeUrl !== undefined) {
      checkTypeUrl(typeUrl);
      return { typeUrl, codec: rawPayload, id: this.idOfUrl(typeUrl) };
    }
    return this.#typeOf(declared ?? messagePackCodec);
  }

  /** The id of a type URL; 0 when there is no room for it. */
  idOfUrl(typeUrl: string): number {
    let id = this.#ids.get(typeUrl);
    if (id === undefined) {
      id = this.#ids.size < MAX_TYPES ? this.#names.append(typeUrl) : 0;
      if (id > MAX_TYPE_ID) id = 0;
      if (id !== 0) this.#ids.set(typeUrl, id);
    }
    return id;
  }

  /** The owner of the bus has granted an id to a type URL. */
  grant(typeUrl: string, id: number): void {
    this.#ids.set(typeUrl, id);
    // They hold what was known before.
    this.#published.clear();
    this.#lastClass = EventTypes;
  }

  #remember(prototype: object | null, type: PublishedType): void {
    const Class = prototype?.constructor as EventClass | undefined;
    // Not one that says it is of another class than it is: `Object`, say.
    if (typeof Class !== 'function' || Class.prototype !== prototype) return;
    this.#lastClass = Class;
    this.#lastType = type;
  }

  #typeOf(codec: EventCodec): PublishedType {
    let type = this.#published.get(codec);
    if (type === undefined) {
      type = { typeUrl: codec.typeUrl, codec, id: this.idOfUrl(codec.typeUrl) };
      this.#published.set(codec, type);
    }
    return type;
  }
}
