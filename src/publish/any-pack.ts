/** Events to Any and back, with the types of this package; a bus does the same with the types of its option `types` too. */
import type { AnyEvent } from '../envelope/any-event.js';
import { builtInRegistry } from './built-in-types.js';

/**
 * Packs an event: its class says the type, a value of no class is MessagePack, an Any stays as it is.
 *
 * An instance of your own class is a plain value to it; use {@link Bus.anyPack} of a bus that has the class in `types`.
 *
 * Threads: any. Waits: never. Allocates: the Any and its bytes.
 *
 * @throws {InvalidEventError} `BUS_INVALID_EVENT` when the event cannot be encoded
 * @example
 * bus.publish('/containers/create', new ContainerCreate({ id, runtime: { name, options: anyPack(options) } }));
 */
export function anyPack(event: unknown): AnyEvent {
  return builtInRegistry().anyPack(event);
}

/**
 * Unpacks an Any: of the message field of another event, or of an envelope whose type its thread did not know.
 *
 * Threads: any. Waits: never. Allocates: the event, over a copy of the bytes.
 *
 * @throws {InvalidOptionError} `BUS_INVALID_OPTION` when it is no Any
 * @throws {UnknownTypeError} `BUS_UNKNOWN_TYPE` when its type is none of this package
 * @throws {MalformedPayloadError} `BUS_MALFORMED_PAYLOAD` when its value does not decode
 */
export function anyUnpack(any: AnyEvent): unknown {
  return builtInRegistry().anyUnpack(any);
}
