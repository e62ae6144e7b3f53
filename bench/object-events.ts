/** Events of which readers read every field: how each transport is given them, and what a reader's checksum comes to. */
import type { Bus } from 'ringcast';
import { TaskExit } from 'ringcast/events';
import { NAMESPACE, type PlainTaskExit, plainEvent, plainEvents, TOPIC, typedEvents } from './corpus.js';
import { readObject } from './threads/reading.js';

/** Events that take turns; their number is a power of two. */
export interface ObjectEvents {
  readonly count: number;
  /** What a user sends with postMessage. */
  sent(index: number): unknown;
  publish(bus: Bus, index: number): boolean;
  /** What a reader's checksum grows by. */
  weigh(index: number): number;
}

function objectEvents(plain: readonly PlainTaskExit[], typed: readonly TaskExit[]): ObjectEvents {
  const mask = plain.length - 1;
  return {
    count: plain.length,
    sent: (index) => ({ topic: TOPIC, namespace: NAMESPACE, timestamp: Date.now(), event: plain[index & mask] }),
    publish: (bus, index) => bus.publish(TOPIC, typed[index & mask]),
    weigh: (index) => readObject(TOPIC, NAMESPACE, 1, plain[index & mask]!),
  };
}

/** Those of the corpus: 64 ids that come again and again. */
export const recurring: ObjectEvents = objectEvents(plainEvents, typedEvents);

/** More ids than anybody keeps in a cache. */
const DISTINCT_IDS = 1 << 15;

/** Events whose ids do not come again for long. */
export function distinct(): ObjectEvents {
  const plain = Array.from({ length: DISTINCT_IDS }, (_, index) => plainEvent(index));
  return objectEvents(
    plain,
    plain.map((event) => new TaskExit(event)),
  );
}
