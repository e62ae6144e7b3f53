/** The envelopes of a message, and who they are from. */
import { cursor, readEnd } from '../../envelope/codec-runtime.js';
import { EVENTS_HEADER, type EventIdentity, LAGGED_HEADER, readIdentities } from './identities.js';
import type { JetStreamMessage } from './jetstream-package.js';
import { isBundle } from './subjects.js';

export interface ReceivedEvent {
  readonly envelope: Buffer;
  /** Undefined: published by a program that does not say. */
  readonly identity: EventIdentity | undefined;
}

/**
 * Takes a message apart.
 *
 * @returns what is wrong with it where it is none of a bridge's, nor an envelope
 */
export function eventsOf(prefix: string, message: JetStreamMessage): ReceivedEvent[] | string {
  const { data, headers, subject } = message;
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const said = headers?.get(EVENTS_HEADER) ?? '';
  const identities = said === '' ? undefined : readIdentities(said);
  if (said !== '' && identities === undefined) return `its header ${EVENTS_HEADER} cannot be read`;
  const envelopes = isBundle(prefix, subject) ? envelopesOf(bytes) : [bytes];
  if (envelopes === undefined) return 'its data is no bundle of envelopes';
  if (identities !== undefined && identities.length !== envelopes.length)
    return `it has ${envelopes.length} envelopes, and says that it has ${identities.length}`;
  return envelopes.map((envelope, index) => ({ envelope, identity: identities?.[index] }));
}

/** Events that the sender lost before those of the message. */
export function laggedBefore({ headers }: JetStreamMessage): number {
  const count = Number(headers?.get(LAGGED_HEADER) || 0);
  return Number.isSafeInteger(count) && count > 0 ? count : 0;
}

function envelopesOf(bytes: Buffer): Buffer[] | undefined {
  const envelopes: Buffer[] = [];
  try {
    for (let position = 0; position < bytes.length; ) {
      const end = readEnd(bytes, position, bytes.length);
      envelopes.push(bytes.subarray(cursor.position, end));
      position = end;
    }
  } catch {
    return undefined;
  }
  return envelopes;
}
