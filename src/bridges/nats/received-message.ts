/** The envelopes of a message, and who they are from. */
import { cursor, readEnd } from '../../envelope/codec-runtime.js';
import { traceparentOrNone } from '../../ring/traceparent.js';
import { EVENTS_HEADER, type IdentityRun, LAGGED_HEADER, readIdentities } from './identities.js';
import type { JetStreamMessage } from './jetstream-package.js';
import { isBundle } from './subjects.js';
import { readTraces, TRACEPARENT_HEADER, TRACES_HEADER } from './traces.js';

export interface ReceivedMessage {
  readonly data: Buffer;
  /** Whether `data` is one envelope without its length, and no bundle. */
  readonly isSingle: boolean;
  /** Where the content of each envelope begins in `data`. */
  readonly starts: readonly number[];
  /** Where each envelope ends, and the length of the next begins. */
  readonly ends: readonly number[];
  /** Of all envelopes, in their order; undefined: published by a program that does not say. */
  readonly identities: readonly IdentityRun[] | undefined;
  /** Of each envelope, the trace that it belongs to. */
  readonly traceparents: readonly (string | undefined)[];
}

/**
 * Takes a message apart.
 *
 * @returns what is wrong with it where it is none of a bridge's
 */
export function readMessage(prefix: string, message: JetStreamMessage): ReceivedMessage | string {
  const { headers, subject } = message;
  const data = Buffer.from(message.data.buffer, message.data.byteOffset, message.data.byteLength);
  const said = headers?.get(EVENTS_HEADER) ?? '';
  const identities = said === '' ? undefined : readIdentities(said);
  if (said !== '' && identities === undefined) return `its header ${EVENTS_HEADER} cannot be read`;
  const isSingle = !isBundle(prefix, subject);
  const [starts, ends]: [number[], number[]] = isSingle ? [[0], [data.length]] : [[], []];
  if (!isSingle && !findEnvelopes(data, starts, ends)) return 'its data is no bundle of envelopes';
  const count = identities?.reduce((sum, run) => sum + run.count, 0) ?? ends.length;
  if (count !== ends.length) return `it has ${ends.length} envelopes, and says that it has ${count}`;
  const traceparents = isSingle
    ? [traceparentOrNone(headers?.get(TRACEPARENT_HEADER) ?? '')]
    : readTraces(headers?.get(TRACES_HEADER) ?? '', count);
  return { data, isSingle, starts, ends, identities, traceparents };
}

/** Events that the sender lost before those of the message. */
export function laggedBefore({ headers }: JetStreamMessage): number {
  const count = Number(headers?.get(LAGGED_HEADER) || 0);
  return Number.isSafeInteger(count) && count > 0 ? count : 0;
}

/** Events of a message of this bus, which nobody needs to take apart. */
export function ownCount({ headers }: JetStreamMessage): number {
  let count = 0;
  for (const [, events] of (headers?.get(EVENTS_HEADER) ?? '').matchAll(/\*(\d+)/g)) count += Number(events);
  return count;
}

function findEnvelopes(data: Buffer, starts: number[], ends: number[]): boolean {
  try {
    for (let position = 0; position < data.length; ) {
      const end = readEnd(data, position, data.length);
      starts.push(cursor.position);
      ends.push(end);
      position = end;
    }
    return true;
  } catch {
    return false;
  }
}
