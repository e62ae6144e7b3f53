/** The event types one thread knows, by type URL and by class. */

import { fileURLToPath } from 'node:url';
import { DuplicateTypeError, InvalidEventError, TypesModuleError, UnknownTypeError } from '../errors.js';
import { withPlaceSync } from '../host/syntax-place.js';
import { nodeRequire } from '../package-files.js';
import { show, showBriefly } from '../shown.js';
import { type AnyEvent, isAny, LOOKING, partsOfAny } from './any-event.js';
import type { EventCodec } from './event-codec.js';
import { builtInTypes } from './generated/index.js';
import { messagePackCodec } from './payload-codec.js';
import { adaptProtobufjs, isProtobufjsClass, type ProtobufjsClass, typeUrlOf } from './protobufjs-adapter.js';
import { checkTypeUrl } from './type-url.js';

/** What may be registered: a generated class, any other codec, or a class of a protobufjs static module. */
export type EventType = EventCodec | ProtobufjsClass;

/** Exports of a module are looked through this deep: protobufjs's modules nest packages as objects. */
const MAX_EXPORT_DEPTH = 16;

/**
 * Type URLs and classes to codecs, for one thread.
 *
 * The types of this package are there from the start: containerd's events, protobuf's well-known types, dead letters, plugin
 * events and `ringcast.MessagePack`.
 */
export class TypeRegistry {
  readonly #byUrl = new Map<string, { type: EventType; codec: EventCodec }>();
  // Keyed by constructor.
  readonly #byClass = new Map<unknown, EventCodec>();

  constructor() {
    this.#add([...builtInTypes, messagePackCodec]);
  }

  /**
   * Adds a type. Adding the same one again changes nothing.
   *
   * @throws {DuplicateTypeError} `BUS_DUPLICATE_TYPE` when another type has its type URL
   * @throws {InvalidTypeUrlError} `BUS_INVALID_TYPE_URL`
   */
  register(type: EventType): void {
    this.#add([type]);
  }

  /** The codec of a type URL: a full name, or anything that ends in `/` and one. */
  find(typeUrl: string): EventCodec | undefined {
    const entry = this.#byUrl.get(typeUrl) ?? this.#byUrl.get(typeUrl.slice(typeUrl.lastIndexOf('/') + 1));
    return entry?.codec;
  }

  /**
   * The codec of the class `event` is an instance of; undefined for plain values.
   *
   * A class that is not registered, such as a second copy of one that is, is known by its `typeUrl`, and encodes itself.
   *
   * @throws {InvalidEventError} `BUS_INVALID_EVENT` when looking at it throws, and when its class says that it is an event
   *   type and cannot be used as one
   */
  codecOf(event: unknown): EventCodec | undefined {
    if (typeof event !== 'object' || event === null) return undefined;
    try {
      let prototype = Object.getPrototypeOf(event) as object | null;
      const Class = prototype?.constructor;
      // Up the chain, so that instances of subclasses are found.
      while (prototype !== null && prototype !== Object.prototype) {
        const codec = this.#byClass.get(prototype.constructor);
        if (codec !== undefined) return codec;
        prototype = Object.getPrototypeOf(prototype) as object | null;
      }
      return this.#adopt(Class);
    } catch (error) {
      throw InvalidEventError.from(error, LOOKING);
    }
  }

  /** The codec of a class that nobody registered but that is an event type; undefined for any other class. */
  #adopt(Class: unknown): EventCodec | undefined {
    const codec = isCodec(Class) ? Class : isProtobufjsClass(Class) ? adaptProtobufjs(Class) : undefined;
    if (codec !== undefined) this.#byClass.set(Class, codec);
    else if (claimsToBeType(Class)) {
      const name = typeof Class === 'function' ? Class.name : '';
      throw new InvalidEventError(
        `is of class ${show(name)}, which has a typeUrl but no encode and decode; make the class with \`ringcast generate\``,
      );
    }
    return codec;
  }

  /**
   * Imports modules and adds every event type they export, by name, as default, or inside exported objects (as protobufjs
   * nests packages). All are added or, after an error, none.
   *
   * Synchronous, because `createBus` is: a module must not use top-level await.
   *
   * @param urls  `file:` URLs
   * @param classes event types of the calling thread; where a module or this package has one of the same type URL, the
   *   class given here is the one that this thread reads
   * @throws {TypesModuleError} `BUS_TYPES_MODULE` when a module does not load (`cause`) or exports no event type
   * @throws {DuplicateTypeError} `BUS_DUPLICATE_TYPE` when two different types have one type URL
   * @throws {InvalidTypeUrlError} `BUS_INVALID_TYPE_URL`
   */
  load(urls: readonly string[], classes: readonly EventType[] = []): void {
    this.#add(urls.flatMap(typesOf));
    for (const type of classes) {
      const codec = this.#byClass.get(type) ?? (isCodec(type) ? type : adaptProtobufjs(type));
      this.#byClass.set(type, codec);
      this.#byUrl.set(codec.typeUrl, { type, codec });
    }
  }

  /**
   * The event as an Any: its class decides the type, a plain value becomes MessagePack, an Any stays as it is.
   *
   * @throws {InvalidEventError} `BUS_INVALID_EVENT` when the event cannot be encoded
   */
  anyPack(event: unknown): AnyEvent {
    const known = this.codecOf(event);
    // A user's own type may have fields of these names.
    if ((known === undefined || known.typeUrl === 'google.protobuf.Any') && isAny(event)) return event;
    const codec = known ?? messagePackCodec;
    return { typeUrl: codec.typeUrl, value: encodeWhole(codec, event) };
  }

  /**
   * The event in an Any.
   *
   * @throws {InvalidOptionError} `BUS_INVALID_OPTION` when it is no Any
   * @throws {UnknownTypeError} `BUS_UNKNOWN_TYPE` when its type is not registered
   * @throws {MalformedPayloadError} `BUS_MALFORMED_PAYLOAD` when its value does not decode
   */
  anyUnpack(any: AnyEvent): unknown {
    const { typeUrl, value } = partsOfAny(any);
    const codec = this.find(typeUrl);
    if (codec === undefined) throw new UnknownTypeError(typeUrl);
    const copy = Buffer.from(value);
    return codec.decode(copy, 0, copy.length);
  }

  /** Checks all, then adds all. */
  #add(types: readonly EventType[]): void {
    const added = new Map<string, EventType>();
    for (const type of types) {
      const typeUrl = isCodec(type) ? type.typeUrl : typeUrlOf(type);
      checkTypeUrl(typeUrl);
      const known = added.get(typeUrl) ?? this.#byUrl.get(typeUrl)?.type;
      if (known === undefined) added.set(typeUrl, type);
      else if (known !== type && !isBundledCopy(type, known)) throw new DuplicateTypeError(typeUrl);
    }
    for (const type of types) {
      const codec = this.#byClass.get(type) ?? (isCodec(type) ? type : adaptProtobufjs(type));
      if (typeof type === 'function') this.#byClass.set(type, codec);
      if (added.get(codec.typeUrl) === type) this.#byUrl.set(codec.typeUrl, { type, codec });
    }
  }
}

/**
 * protobufjs puts a copy of every type that is imported into a module. Of a type that this package has, it may be published,
 * but what arrives is ours.
 */
function isBundledCopy(type: EventType, known: EventType): boolean {
  return !isCodec(type) && builtInTypes.includes(known as never);
}

function isCodec(value: unknown): value is EventCodec {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  const { typeUrl, encode, decode } = value as Partial<EventCodec>;
  return typeof typeUrl === 'string' && typeof encode === 'function' && typeof decode === 'function';
}

/** Whether a value can be used as an event type. */
export function isEventType(value: unknown): value is EventType {
  return isCodec(value) || isProtobufjsClass(value);
}

function claimsToBeType(Class: unknown): boolean {
  return typeof Class === 'function' && typeof (Class as { typeUrl?: unknown }).typeUrl === 'string';
}

function typesOf(url: string): EventType[] {
  let exports: object;
  try {
    exports = nodeRequire(fileURLToPath(url)) as object;
  } catch (error) {
    const cause = withPlaceSync(url, error);
    throw new TypesModuleError(url, showBriefly(cause), { cause });
  }
  const types = new Set<EventType>();
  collectTypes(exports, types, new Set(), 0);
  if (types.size === 0)
    throw new TypesModuleError(
      url,
      'it exports no event type; name a module that ringcast generate or protobufjs has written',
    );
  return [...types];
}

function collectTypes(value: unknown, types: Set<EventType>, seen: Set<unknown>, depth: number): void {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return;
  if (seen.has(value) || Array.isArray(value) || depth > MAX_EXPORT_DEPTH) return;
  seen.add(value);
  if (isCodec(value)) {
    types.add(value);
    return;
  }
  if (isProtobufjsClass(value)) types.add(value);
  // Also into classes: protobufjs puts nested types there.
  for (const one of Object.values(value)) collectTypes(one, types, seen, depth + 1);
}

function encodeWhole(codec: EventCodec, event: unknown): Uint8Array {
  for (let size = 256; ; size *= 4) {
    const target = Buffer.allocUnsafeSlow(size);
    const end = encodeInto(target, codec, event);
    if (end >= 0) return new Uint8Array(target.buffer, 0, end);
    if (size > 2 ** 30) throw new InvalidEventError(`it takes more than ${size} bytes`);
  }
}

function encodeInto(target: Buffer, codec: EventCodec, event: unknown): number {
  try {
    return codec.encode(event, target, 0, target.length);
  } catch (error) {
    throw InvalidEventError.from(error, `encoding it as ${codec.typeUrl}`);
  }
}
