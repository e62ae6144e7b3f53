/**
 * Every failure a caller of the services can act on: one class each, with a stable `code` to match on and the offending
 * values as fields.
 */
/** Codes of what is not there: a program, a package. */
const NOT_FOUND: ReadonlySet<unknown> = new Set(['ENOENT', 'MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND']);

/** What every error of the services is. Match on `code`; messages may be reworded. */
export abstract class ServiceError extends Error {
  /** Stable identifier, `SERVICE_…`. */
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    Object.defineProperty(this, 'name', { value: new.target.name, enumerable: false, configurable: true });
  }
}

/** How an offending value is shown in a message: quoted, control characters escaped, at most 120 characters. Never throws. */
function show(value: unknown): string {
  const text = typeof value === 'string' || Array.isArray(value) ? jsonOf(value) : textOf(value);
  return text.length > 120 ? `${text.slice(0, 117)}…` : text;
}

function jsonOf(value: string | readonly unknown[]): string {
  try {
    return JSON.stringify(value);
  } catch {
    // A list of what JSON has no form for, or that throws as it is read.
    return textOf(value);
  }
}

function textOf(value: unknown): string {
  try {
    return typeof value === 'bigint' ? `${value}n` : String(value);
  } catch {
    return `(${typeof value} that cannot be shown)`;
  }
}

/** What was thrown, as text: the message of an error. Never throws. */
export function reasonOf(thrown: unknown): string {
  try {
    if (thrown instanceof Error) return `${thrown.message}`;
  } catch {
    // A proxy that does not tell its prototype, or a message that cannot be read.
  }
  return textOf(thrown);
}

/** An argument of the wrong form or out of range. Fix the call. */
export class InvalidArgumentError extends ServiceError {
  readonly code = 'SERVICE_INVALID_ARGUMENT';
  constructor(
    readonly argument: string,
    readonly value: unknown,
    readonly expected: string,
  ) {
    super(`${argument} must be ${expected}, got ${show(value)}`);
  }
}

/** A name, digest, key or id that the service does not have. */
export class NotFoundError extends ServiceError {
  readonly code = 'SERVICE_NOT_FOUND';
  constructor(
    readonly kind: string,
    readonly key: string,
  ) {
    super(`${kind} ${show(key)} does not exist; create or import it first`);
  }
}

/** A name, key or id that is taken. Choose another or remove the old one. */
export class AlreadyExistsError extends ServiceError {
  readonly code = 'SERVICE_ALREADY_EXISTS';
  constructor(
    readonly kind: string,
    readonly key: string,
  ) {
    super(`${kind} ${show(key)} already exists; choose another, or remove it first`);
  }
}

/** Something that cannot be changed or removed while something else uses it. Retry when `heldBy` is done. */
export class InUseError extends ServiceError {
  readonly code = 'SERVICE_IN_USE';
  constructor(
    readonly kind: string,
    readonly key: string,
    readonly heldBy: string,
  ) {
    super(`${kind} ${show(key)} is in use by ${heldBy}; try again when that is done`);
  }
}

/** An operation that the present state does not allow, such as `exec` in a stopped container. */
export class WrongStateError extends ServiceError {
  readonly code = 'SERVICE_WRONG_STATE';
  constructor(
    readonly operation: string,
    readonly key: string,
    readonly state: string,
    readonly expected: string,
  ) {
    super(`${operation} of ${show(key)} failed: it is ${state}, and must be ${expected}`);
  }
}

/** Content that is not what its digest or size promised. Nothing of it was kept; fetch it again. */
export class ContentMismatchError extends ServiceError {
  readonly code = 'SERVICE_CONTENT_MISMATCH';
  constructor(
    readonly field: 'digest' | 'size' | 'diff id',
    readonly expected: string,
    readonly actual: string,
    readonly source: string,
  ) {
    super(`${source}: ${field} must be ${expected}, the bytes have ${actual}; fetch it again`);
  }
}

/** Input larger than a limit allows. Raise the limit by its name, if the input is to be trusted. */
export class LimitExceededError extends ServiceError {
  readonly code = 'SERVICE_LIMIT_EXCEEDED';
  constructor(
    readonly limit: string,
    readonly maximum: number,
    readonly source: string,
  ) {
    super(`${source} goes beyond ${limit} = ${maximum}; raise ${limit} if you trust it`);
  }
}

/** An archive entry that would act outside its root or is of a kind that is not unpacked. The unpacking was undone. */
export class UnsafeEntryError extends ServiceError {
  readonly code = 'SERVICE_UNSAFE_ENTRY';
  constructor(
    readonly entry: string,
    readonly reason: string,
  ) {
    super(`archive entry ${show(entry)}: ${reason}; nothing of it was kept`);
  }
}

/** Bytes that are no archive, no layer or no image document. `cause` carries the parser's error. */
export class MalformedInputError extends ServiceError {
  readonly code = 'SERVICE_MALFORMED_INPUT';
  constructor(
    readonly source: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`${source}: ${reason}`, options);
  }
}

/** A service's own file that does not read back: written by another program, or a damaged disk. */
export class CorruptStateError extends ServiceError {
  readonly code = 'SERVICE_CORRUPT_STATE';
  constructor(
    readonly path: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`${path}: ${reason}; move it away to go on without it`, options);
  }
}

/** Something this runtime, platform or Node version cannot do; the message names what can. */
export class UnsupportedError extends ServiceError {
  readonly code = 'SERVICE_UNSUPPORTED';
  constructor(
    readonly feature: string,
    readonly mend: string,
  ) {
    super(`${feature} is not supported here; ${mend}`);
  }
}

/** A package or program that the services need and that is not installed, or does not load: the message says why. */
export class MissingDependencyError extends ServiceError {
  readonly code = 'SERVICE_MISSING_DEPENDENCY';
  constructor(
    readonly dependency: string,
    readonly mend: string,
    options?: ErrorOptions,
  ) {
    const { cause } = options ?? {};
    const isMissing = cause === undefined || NOT_FOUND.has((cause as NodeJS.ErrnoException | null)?.code);
    super(
      `${dependency} ${isMissing ? 'is not installed' : `does not load: ${cause instanceof Error ? cause.message : show(cause)}`}; ${mend}`,
      options,
    );
  }
}

/** A program that failed where it should not have: the runtime's own, `cp`, `sync`. */
export class CommandFailedError extends ServiceError {
  readonly code = 'SERVICE_COMMAND_FAILED';
  constructor(
    readonly command: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`${command} failed: ${reason}`, options);
  }
}

/** A process that could not be started in a container: no such command, not executable, no such directory. */
export class StartFailedError extends ServiceError {
  readonly code = 'SERVICE_START_FAILED';
  constructor(
    readonly containerId: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(
      `container ${show(containerId)} could not start a process: ${reason}; try again, or delete the container`,
      options,
    );
  }
}

/** A plugin that cannot be initialised: its own failure (`cause`), a missing requirement or a circle of them. */
export class PluginFailedError extends ServiceError {
  readonly code = 'SERVICE_PLUGIN_FAILED';
  constructor(
    readonly plugin: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`plugin ${show(plugin)}: ${reason}`, options);
  }
}

/** A thread of the services that ended while it worked: out of memory, or ended by somebody. Nothing is left of what it did. */
export class ThreadEndedError extends ServiceError {
  readonly code = 'SERVICE_THREAD_ENDED';
  constructor(
    readonly operation: string,
    options?: ErrorOptions,
  ) {
    super(`${operation}: its thread ended before it was done; try again`, options);
  }
}
