/** Events that a subscriber's thread keeps dying of: left out, and published where somebody may look into them. */

import { scanEnvelope } from '../envelope/envelope-scan.js';
import { DeadLetter } from '../envelope/generated/index.js';
import type { RingWriter } from '../ring/ring-writer.js';
import type { Publisher } from './publisher.js';

/** Where dead letters are published. */
export const DEAD_LETTER_TOPIC = '/ringcast/dead-letter';

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
  const body = writer.bodyOf(reader, sequence);
  if (body === undefined) return { report: { subscription, topic: '', sequence, deaths, error }, published: -1 };
  const { topic, namespace, typeUrl, payloadStart, payloadEnd } = scanEnvelope(body, 0, body.length);
  const report = { subscription, topic, sequence, deaths, error };
  if (topic === DEAD_LETTER_TOPIC) return { report, published: -1 };
  const letter = new DeadLetter({
    topic,
    namespace,
    sequence,
    subscription,
    reason: error.message,
    deaths,
    event: { typeUrl, value: body.subarray(payloadStart, payloadEnd) },
  });
  return { report, published: publisher.publishReserved(DEAD_LETTER_TOPIC, letter) };
}
