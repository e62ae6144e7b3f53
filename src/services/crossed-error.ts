/** Errors of the services on their way from a thread: structured clone would drop their class, their code and their fields. */
import {
  CommandFailedError,
  ContentMismatchError,
  InvalidArgumentError,
  LimitExceededError,
  MalformedInputError,
  MissingDependencyError,
  NotFoundError,
  UnsafeEntryError,
  UnsupportedError,
} from './service-errors.js';

export interface CrossedError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** Own fields that are strings, numbers and the like: `code`, and what the errors of a class carry. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly cause: CrossedError | undefined;
}

/** Causes of causes that cross. */
const MAX_CAUSES = 8;

/** By code, not by name: a bundler may have renamed them. */
const CLASSES = new Map<unknown, { readonly prototype: Error }>([
  ['SERVICE_COMMAND_FAILED', CommandFailedError],
  ['SERVICE_CONTENT_MISMATCH', ContentMismatchError],
  ['SERVICE_INVALID_ARGUMENT', InvalidArgumentError],
  ['SERVICE_LIMIT_EXCEEDED', LimitExceededError],
  ['SERVICE_MALFORMED_INPUT', MalformedInputError],
  ['SERVICE_MISSING_DEPENDENCY', MissingDependencyError],
  ['SERVICE_NOT_FOUND', NotFoundError],
  ['SERVICE_UNSAFE_ENTRY', UnsafeEntryError],
  ['SERVICE_UNSUPPORTED', UnsupportedError],
]);
const BUILT_IN = new Map<string, { readonly prototype: Error }>(
  [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map((one) => [one.name, one]),
);

export function crossError(thrown: unknown, causes = MAX_CAUSES): CrossedError {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const { name, message, stack, cause } = error;
  const fields = Object.entries(error).filter(([, value]) => /^(string|number|boolean|bigint)$/.test(typeof value));
  const crossed = { name, message, stack, fields: Object.fromEntries(fields) };
  return { ...crossed, cause: cause === undefined || causes === 0 ? undefined : crossError(cause, causes - 1) };
}

/** The error again, of its class and with its code, as far as this side knows the class. */
export function uncrossError({ name, message, stack, fields, cause }: CrossedError): Error {
  const error = new Error(message, cause === undefined ? undefined : { cause: uncrossError(cause) });
  const known = CLASSES.get(fields.code) ?? BUILT_IN.get(name);
  if (known !== undefined) Object.setPrototypeOf(error, known.prototype);
  for (const [property, value] of Object.entries({ name, stack })) {
    Object.defineProperty(error, property, { value, configurable: true, writable: true });
  }
  return Object.assign(error, fields);
}
