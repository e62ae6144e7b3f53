/** What a module's thread is given as `data`: a clone, with what is moved there. */
import type { Transferable } from 'node:worker_threads';
import { BusError, InvalidOptionError } from '../errors.js';

/** What a thread is given, and what of that is moved there. */
export interface HandedOver {
  readonly data: unknown;
  readonly transferList: readonly Transferable[];
}

/** A clone, made now: what cannot be cloned is refused here, and later changes do not show. */
export function handOver(data: unknown, transfer: readonly Transferable[]): HandedOver {
  try {
    // Together, so that what was moved is found again in the clone.
    return structuredClone({ data, transferList: transfer }, { transfer: [...transfer] });
  } catch (error) {
    if (error instanceof BusError) throw error;
    throw new InvalidOptionError('data', data, `something that can be cloned (${(error as Error).message})`);
  }
}
