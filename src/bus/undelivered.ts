/** Counts what a subscription was owed when it was given up. */
import { ReceivedEnvelope } from '../envelope/received-envelope.js';
import { RingReader } from '../ring/ring-reader.js';
import type { Place } from '../ring/ring-writer.js';
import type { CompiledFilter } from '../topic/filter.js';
import { Dispatcher } from '../worker/dispatcher.js';
import { Router } from '../worker/router.js';
import { SingleTarget } from '../worker/single-target.js';
import type { ReadingContext } from './local-reader.js';
import type { PendingRecord } from './pending-queue.js';

/**
 * Events that the filter selects among the records that the slot has not released and those that still wait on the heap.
 *
 * Only when nobody else uses the slot any more. An event that was handled but not released yet counts too: at most the 64
 * events, or 10 ms, by which releases may lag.
 */
export function countUndelivered(
  reader: number,
  start: Place,
  filter: CompiledFilter,
  joinSequence: number,
  queued: Iterable<PendingRecord>,
  context: ReadingContext,
): number {
  const router = new Router(context.topicNames, context.fields);
  const target = new SingleTarget(
    joinSequence,
    () => {},
    () => {},
  );
  router.add(filter, target);
  const ringReader = new RingReader(context.memory, reader, start.position, () => {});
  const { sequence } = start;
  const dispatcher = new Dispatcher(ringReader, router, context.types, sequence, sequence, {
    onSettled: () => {},
    onLagged: () => {},
  });
  while (dispatcher.step(Number.POSITIVE_INFINITY) !== 'idle');
  let undelivered = target.delivered;
  for (const record of queued) {
    const envelope = new ReceivedEnvelope(
      context.types.envelopes,
      record.body,
      0,
      record.body.length,
      record.payloadOffset,
      undefined,
      undefined,
      joinSequence,
      false,
      0,
    );
    for (const { accepts } of router.byTopic(envelope.topic).steps) if (accepts?.(envelope) ?? true) undelivered++;
  }
  return undelivered;
}
