/** Why the owner cannot do what a connected thread asks, as it crosses: what the error is made of. */
import { BusClosedError, type BusError, TooManyOriginsError, TooManyReadersError } from '../errors.js';

export type Denial =
  | { readonly code: 'BUS_TOO_MANY_READERS'; readonly maxReaders: number }
  | { readonly code: 'BUS_TOO_MANY_ORIGINS'; readonly origin: string; readonly maxOrigins: number }
  | { readonly code: 'BUS_CLOSED' };

/** Throws what is no denial: the thread has checked all else. */
export function denialOf(error: unknown): Denial {
  if (error instanceof TooManyReadersError) return { code: error.code, maxReaders: error.maxReaders };
  if (error instanceof TooManyOriginsError) {
    return { code: error.code, origin: error.origin, maxOrigins: error.maxOrigins };
  }
  throw error;
}

/** The error on the thread that asked. */
export function errorOf(denial: Denial): BusError {
  switch (denial.code) {
    case 'BUS_TOO_MANY_READERS':
      return new TooManyReadersError(denial.maxReaders);
    case 'BUS_TOO_MANY_ORIGINS':
      return new TooManyOriginsError(denial.origin, denial.maxOrigins);
    case 'BUS_CLOSED':
      return new BusClosedError('subscribe');
  }
}
