/** Errors of filters. Part of `errors.ts`. */
import { BusError } from './bus-error.js';
import { show } from './shown.js';

/** A filter expression or structured filter that does not parse; thrown by `subscribe`. */
export class InvalidFilterError extends BusError {
  readonly code = 'BUS_INVALID_FILTER';
  constructor(
    readonly filter: unknown,
    readonly reason: string,
    /** Offset of the offending character, in UTF-16 units; undefined where no single place is at fault. */
    readonly position?: number,
    options?: ErrorOptions,
  ) {
    super(`filter ${show(filter)}: ${reason}`, options);
  }
}

/** A glob that is malformed or can match no valid topic; thrown by `subscribe`. */
export class InvalidGlobError extends BusError {
  readonly code = 'BUS_INVALID_GLOB';
  constructor(
    readonly glob: unknown,
    readonly reason: string,
    /** Offset of the offending character, in UTF-16 units; undefined where no single place is at fault. */
    readonly position?: number,
  ) {
    super(`glob ${show(glob)}: ${reason}`);
  }
}

/** A glob that is too long or expands to too many alternatives to be matched in bounded time; thrown by `subscribe`. */
export class GlobTooComplexError extends BusError {
  readonly code = 'BUS_GLOB_TOO_COMPLEX';
  constructor(
    readonly glob: string,
    readonly reason: string,
  ) {
    super(`glob ${show(glob)}: ${reason}`);
  }
}

/**
 * A process warning: a filter is valid, and surely not what was meant. It names a field that no envelope has, or a topic or
 * namespace that none can have. The subscription is made all the same.
 */
export class SuspiciousFilterError extends BusError {
  readonly code = 'BUS_SUSPICIOUS_FILTER';
  constructor(
    /** The string that it is about, of those that make up the filter. */
    readonly filter: string,
    readonly reason: string,
  ) {
    super(`filter ${show(filter)}: ${reason}`);
  }
}
