/** Errors as they cross between the owner of a bus and its connections: those of this package with their class and all they carry. */
import * as errors from '../errors.js';
import { type CrossedError, crossError, uncrossError } from '../worker/worker-protocol.js';

/** An error of this package, taken apart. */
interface CrossedBusError {
  /** Its class. */
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** What it carries: `code` and what its class adds to that. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Undefined: it has none. */
  readonly cause: Crossed | undefined;
}

export type Crossed = CrossedBusError | CrossedError;

/** Causes of causes that cross: one may be its own. */
const MAX_CAUSES = 8;

/** Makes an error fit to cross. Never throws. */
export function cross(error: unknown, causes = MAX_CAUSES): Crossed {
  return error instanceof errors.BusError ? takenApart(error, causes) : crossError(error);
}

function takenApart(error: errors.BusError, causes: number): CrossedBusError {
  const { name, message, stack, cause } = error;
  const fields: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(error)) {
    // Assigned rather than given when it was made, it is among them.
    if (field === 'cause') continue;
    try {
      fields[field] = structuredClone(value);
    } catch {
      // What cannot be cloned is in the message, as text.
    }
  }
  return {
    name,
    message,
    stack,
    fields,
    cause: cause === undefined || causes === 0 ? undefined : cross(cause, causes - 1),
  };
}

const classes = errors as unknown as Readonly<Record<string, { readonly prototype: Error } | undefined>>;

/** The error on the other side. */
export function revive(crossed: Crossed): Error {
  if (!('message' in crossed)) return uncrossError(crossed) as Error;
  const { name, message, stack, fields, cause } = crossed;
  const error = new Error(message, cause && { cause: revive(cause) });
  // An error from the start, as all that shows or clones errors looks at how one was made.
  Object.setPrototypeOf(error, (classes[name] ?? errors.BusError).prototype);
  Object.defineProperty(error, 'name', { value: name, enumerable: false, configurable: true });
  if (stack !== undefined) error.stack = stack;
  return Object.assign(error, fields);
}
