/** Events that keep killing a subscriber's thread: skipped, and published where somebody may look into them. */

import { scanEnvelope } from '../envelope/envelope-scan.js';
import { DeadLetter } from '../envelope/generated/index.js';
import { EventTooLargeError, QueueFullError } from '../errors.js';
import type { Publisher } from '../publish/publisher.js';
import { traceOf } from '../ring/record-extension.js';
import type { RingWriter } from '../ring/ring-writer.js';

/** Where dead letters are published. */
export const DEAD_LETTER_TOPIC = '/ringcast/dead-letter';

/** Characters of a reason that fit the smallest ring. */
const SHORT_REASON = 1_024;

/** What is known of an event that was skipped. */
export interface DeadLetterReport {
  readonly subscription: string;
  readonly topic: string;
  readonly sequence: number;
  readonly deaths: number;
  readonly error: Error;
}

/**
 * Publishes a dead letter about an event that `reader` has not released.
 *
 * @param onFailure told why no letter can be made, such as by a clock of the user's that throws
 * @returns what it says, and its own sequence; -1 when none was published, as about a dead letter or with nobody to read it
 */
export function publishDeadLetter(
  { writer, publisher }: { readonly writer: RingWriter; readonly publisher: Publisher },
  reader: number,
  event: Omit<DeadLetterReport, 'topic'>,
  onFailure: (error: Error) => void,
): { readonly report: DeadLetterReport; readonly published: number } {
  const { subscription, sequence, deaths, error } = event;
  const content = writer.retained.contentOf(reader, sequence);
  if (content === undefined) return { report: { ...event, topic: '' }, published: -1 };
  const { body } = content;
  // The letter belongs to the trace of its event, and began here.
  const trace = traceOf(content.extension);
  const { topic, namespace, typeUrl, payloadStart, payloadEnd } = scanEnvelope(body, 0, body.length);
  const report = { ...event, topic };
  if (topic === DEAD_LETTER_TOPIC) return { report, published: -1 };
  const payload = body.subarray(payloadStart, payloadEnd);
  const nothing = payload.subarray(0, 0);
  // With the largest of events in it, a letter is too large for the ring itself; so it is with an error that has a lot to say.
  const attempts = [
    [payload, error.message],
    [nothing, error.message],
    [nothing, error.message.slice(0, SHORT_REASON)],
  ] as const;
  for (const [value, reason] of attempts) {
    const details = { topic, namespace, sequence, subscription, reason, deaths };
    const letter = new DeadLetter({ ...details, event: { typeUrl, value } });
    try {
      return { report, published: publisher.publishReserved(DEAD_LETTER_TOPIC, letter, trace) };
    } catch (failure) {
      if (failure instanceof EventTooLargeError) continue;
      // Nowhere to put it: the report is all there is.
      if (!(failure instanceof QueueFullError)) onFailure(failure as Error);
      break;
    }
  }
  return { report, published: -1 };
}
