/** Where a subscription begins: at the end of the ring, or among the records that it still holds. */

import { BusClosedError, TooManyReadersError } from '../errors.js';
import { MAX_READERS } from '../ring/control-descriptor.js';
import type { Place } from '../ring/retained-records.js';
import type { RingWriter } from '../ring/ring-writer.js';
import { Router } from '../worker/dispatch/router.js';
import { SingleTarget } from '../worker/dispatch/single-target.js';
import type { Selection } from './delivery.js';
import type { LocalStart, ReadingContext } from './local-reader.js';
import { lookThrough } from './ring-scan.js';
import type { From } from './subscribe-options.js';
import type { SubscribingParts } from './subscribing-parts.js';

export interface Start extends LocalStart {
  /** True where nothing is replayed. */
  readonly isNow: boolean;
  /** Sequence of the first record that is delivered. */
  readonly joinSequence: number;
}

/**
 * Finds where a subscription begins. Records that wait on the heap come after all of these, so replay and what follows
 * join with neither gap nor overlap.
 *
 * @param selection what counts as one of the last; needed for those alone
 * @throws {TooManyReadersError} `BUS_TOO_MANY_READERS`
 * @throws {BusClosedError} `BUS_CLOSED` when the bus was destroyed
 */
export function findStart(
  parts: Pick<SubscribingParts, 'writer' | 'publisher' | 'reading' | 'backpressure'>,
  from: From = 'now',
  selection?: Selection,
): Start {
  const { writer, publisher, reading, backpressure } = parts;
  // By a getter of the filter, the options or the data: nothing would ever end what begins now.
  if (publisher.pending.isAbandoned) throw new BusClosedError('subscribe');
  if (from === 'now') {
    return { isNow: true, ...writer.retained.end, missed: false, joinSequence: publisher.order.nextSequence };
  }
  const oldest = writer.retained.seek(0);
  const wanted =
    from === 'oldest'
      ? oldest.sequence
      : 'sequence' in from
        ? from.sequence
        : sequenceOfLast(writer, from.last, selection!, oldest, reading, () => backpressure.roomMade());
  const { position, sequence } = writer.retained.seek(wanted);
  const missed = wanted < sequence;
  return { isNow: false, position, sequence: missed ? wanted : sequence, missed, joinSequence: wanted };
}

/** Sequence of the first of the last `count` events that the filter selects, or of the oldest record. */
function sequenceOfLast(
  writer: RingWriter,
  count: number,
  { filter, exceptOrigins }: Selection,
  oldest: Place,
  context: ReadingContext,
  onRoom: () => void,
): number {
  if (count === 0) return writer.sequence;
  // A slot for the time of the look: a reader needs one to read with.
  const slot = writer.join(true, oldest);
  if (slot < 0) throw new TooManyReadersError(MAX_READERS);
  try {
    const sequences: number[] = [];
    const router = new Router(context.topicNames, context.fields);
    const collect = (envelope: { readonly sequence: number }): void => void sequences.push(envelope.sequence);
    const target = new SingleTarget(0, collect, () => {});
    target.exceptOrigins = exceptOrigins;
    router.set(target, filter);
    lookThrough(context, slot, oldest, router, onRoom);
    return sequences.at(-count) ?? oldest.sequence;
  } finally {
    writer.leave(slot);
  }
}
