/** Counts what a subscription was owed when it was given up. */
import { ReceivedEnvelope } from '../envelope/received-envelope.js';
import { widen } from '../memory/position.js';
import { RELEASED, slotOf } from '../ring/control-descriptor.js';
import { originOf } from '../ring/record-extension.js';
import { Router } from '../worker/dispatch/router.js';
import { SingleTarget } from '../worker/dispatch/single-target.js';
import type { Delivery } from './delivery.js';
import { lookThrough } from './ring-scan.js';
import type { SubscribingParts } from './subscribing-parts.js';

/**
 * Events that the subscription's filters select among the records that it has not been served and those that still wait
 * on the heap. Only when nothing is written any more.
 *
 * Of a thread, an event that was handled but not released yet counts too: at most the 64 events, or 10 ms, by which
 * releases may lag.
 */
export function countUndelivered(
  delivery: Delivery,
  { writer, publisher, reading }: Pick<SubscribingParts, 'writer' | 'publisher' | 'reading'>,
): number {
  const { reader, joinSequence, earlier, endSequence, exceptOrigins, owedFrom, held, filters, limit } = delivery;
  // Stopped at once, it is owed nothing; its slot may be another reader's by now, and looking on moves the cursor there.
  if (endSequence <= joinSequence) return 0;
  const router = new Router(reading.topicNames, reading.fields);
  const target = new SingleTarget(
    joinSequence,
    () => {},
    () => {},
  );
  for (const range of earlier) target.passBy(range);
  target.endSequence = endSequence;
  target.exceptOrigins = exceptOrigins;
  const [first, ...changes] = filters;
  router.set(target, first!.filter);
  for (const { fromSequence, filter } of changes) router.change(target, fromSequence, filter);
  const position = widen(writer.tail, owedFrom);
  const { cells } = reading.memory;
  const cursor = slotOf(reader) + RELEASED;
  const released = cells.load(cursor);
  lookThrough(reading, reader, { position, sequence: 0 }, router, () => {});
  // Others that share the reader are counted from there, too.
  cells.store(cursor, released);
  let undelivered = held + target.delivered;
  let sequence = writer.sequence;
  for (const { body, payloadOffset, extension } of publisher.order.queue) {
    const envelope = ReceivedEnvelope.over(body, reading.types.envelopes, payloadOffset, sequence);
    router.reach(sequence);
    const isWanted = target.wants(sequence++) && !exceptOrigins.has(originOf(extension));
    const wanted = isWanted ? router.byTopic(envelope.topic).steps : [];
    for (const { accepts } of wanted) if (accepts?.(envelope) ?? true) undelivered++;
  }
  return Math.min(undelivered, limit);
}
