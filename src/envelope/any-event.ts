/** An Any that users hand over: whether a value is one, and its two parts. */
import { types } from 'node:util';
import { InvalidEventError, InvalidOptionError } from '../errors.js';
import { show } from '../shown.js';

/** An event as containerd carries it: its type by name and its bytes. */
export interface AnyEvent {
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

/** Whether a value is an Any, of the class or as a plain object, whose bytes are passed through. */
export function isAny(value: unknown): value is AnyEvent {
  return typeof value === 'object' && value !== null && typeUrlOfAny(value) !== undefined;
}

/** @throws {InvalidEventError} `BUS_INVALID_EVENT` for a proxy that does not tell */
export function prototypeOf(event: object): object | null {
  try {
    return Object.getPrototypeOf(event) as object | null;
  } catch (error) {
    throw InvalidEventError.from(error, LOOKING);
  }
}

/**
 * The type URL of an Any; undefined for any other value.
 *
 * @throws {InvalidEventError} `BUS_INVALID_EVENT` when looking at it throws
 */
export function typeUrlOfAny(event: object): string | undefined {
  try {
    const { typeUrl, value } = event as Partial<AnyEvent>;
    if (typeof typeUrl !== 'string' || !types.isUint8Array(value)) return undefined;
    checkNothingElse(event);
    return typeUrl;
  } catch (error) {
    throw InvalidEventError.from(error, LOOKING);
  }
}

/** An Any carries a type and bytes: what else a plain object has would be lost without a word. */
function checkNothingElse(any: object): void {
  const other = Object.keys(any).find((key) => key !== 'typeUrl' && key !== 'value');
  if (other === undefined || !isPlain(any)) return;
  throw new InvalidEventError(
    `has typeUrl and value, as an Any has, and ${show(other)} too, which an Any cannot carry`,
  );
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  // Of any realm.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

export const LOOKING = 'looking at it';

/** Both parts of what should be an Any, each read once. */
export function partsOfAny(any: unknown): AnyEvent {
  if (typeof any !== 'object' || any === null) {
    throw new InvalidOptionError('any', any, 'an Any, an object of typeUrl and value');
  }
  let typeUrl: unknown;
  let value: unknown;
  try {
    ({ typeUrl, value } = any as Partial<AnyEvent>);
  } catch (error) {
    throw new InvalidOptionError('any', any, 'an Any that can be read', { cause: error });
  }
  if (typeof typeUrl !== 'string') throw new InvalidOptionError('any.typeUrl', typeUrl, 'the name of a type');
  // Not a proxy: its bytes and its length need not agree.
  if (!types.isUint8Array(value)) {
    throw new InvalidOptionError('any.value', value, 'a Uint8Array');
  }
  return { typeUrl, value };
}
