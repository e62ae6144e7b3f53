/** Where the reading of a stream begins, and goes on. */
import { InvalidOptionError } from '../../index.js';
import type { StreamState } from './jetstream-package.js';

/**
 * `new`: with what is stored from now on; `all`; a `sequence` of the stream; a `time`, a Date or ms since 1970. With a
 * durable consumer it is where that one begins when it is made; later it goes on where it stopped.
 */
export type NatsFrom = 'new' | 'all' | { readonly sequence: number } | { readonly time: Date | number };

export function checkFrom(from: NatsFrom): NatsFrom {
  if (from === 'new' || from === 'all') return from;
  if (typeof from === 'object' && from !== null) {
    // A copy, each value read once.
    const { sequence, time } = from as { readonly sequence?: number; readonly time?: Date | number };
    if (sequence !== undefined && Number.isSafeInteger(sequence) && sequence > 0) return { sequence };
    if (time !== undefined && !Number.isNaN(new Date(time).getTime())) return { time };
  }
  throw new InvalidOptionError('in.from', from, "'new', 'all', { sequence } from 1, or { time }");
}

/** How long the server waits for an acknowledgement before it sends a message again. */
export const ACK_WAIT_MS = 5_000;

/** As the options of a consumer. */
export function startAt(from: NatsFrom, state: StreamState): Record<string, unknown> {
  if (from === 'new') return startAtSequence(state.last_seq + 1);
  if (from === 'all') return startAtSequence(1);
  if ('sequence' in from) return startAtSequence(from.sequence);
  return { deliver_policy: 'by_start_time', opt_start_time: new Date(from.time).toISOString() };
}

/** Also `new` becomes a sequence: between asking and reading nothing is missed. */
export function startAtSequence(sequence: number): Record<string, unknown> {
  return { deliver_policy: 'by_start_sequence', opt_start_seq: sequence };
}
