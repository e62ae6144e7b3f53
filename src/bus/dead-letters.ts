/** Events that a subscriber's thread keeps dying of: left out, and published where somebody may look into them. */

import { scanEnvelope } from '../envelope/envelope-scan.js';
import { DeadLetter } from '../envelope/generated/index.js';
import { EventTooLargeError, QueueFullError } from '../errors.js';
import type { RingWriter } from '../ring/ring-writer.js';
import type { Publisher } from './publisher.js';

/** Where dead letters are published. */
const DEAD_LETTER_TOPIC = '/ringcast/dead-letter';

/** What is known of an event that was left out. */
export interface DeadLetterReport {
  readonly subscription: string;
  readonly topic: string;
  readonly sequence: number;
  readonly deaths: number;
  readonly error: Error;
}

/**
 * Publishes a dead letter about the record with `sequence`, which `reader` has not released.
 *
 * @returns what it says, and its own sequence; -1 when none was published, as about a dead letter or with nobody to read it
 */
export function publishDeadLetter(
  writer: RingWriter,
  publisher: Publisher,
  reader: number,
  subscription: string,
  sequence: number,
  deaths: number,
  error: Error,
): { readonly report: DeadLetterReport; readonly published: number } {
  const body = writer.retained.bodyOf(reader, sequence);
  if (body === undefined) return { report: { subscription, topic: '', sequence, deaths, error }, published: -1 };
  const { topic, namespace, typeUrl, payloadStart, payloadEnd } = scanEnvelope(body, 0, body.length);
  const report = { subscription, topic, sequence, deaths, error };
  if (topic === DEAD_LETTER_TOPIC) return { report, published: -1 };
  const payload = body.subarray(payloadStart, payloadEnd);
  // With the largest of events in it, a letter is too large for the ring itself.
  for (const value of [payload, payload.subarray(0, 0)]) {
    const event = { typeUrl, value };
    const letter = new DeadLetter({ topic, namespace, sequence, subscription, reason: error.message, deaths, event });
    try {
      return { report, published: publisher.publishReserved(DEAD_LETTER_TOPIC, letter) };
    } catch (failure) {
      if (failure instanceof EventTooLargeError) continue;
      // Nowhere to put it: the report is all there is.
      if (!(failure instanceof QueueFullError)) throw failure;
      break;
    }
  }
  return { report, published: -1 };
}
