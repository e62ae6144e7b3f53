/** Reading for those who only look: everything that is in the ring, at once, on the thread of the bus. */
import { RingReader } from '../ring/ring-reader.js';
import { Dispatcher } from '../worker/dispatch/dispatcher.js';
import type { Router } from '../worker/dispatch/router.js';
import type { ReadingContext } from './local-reader.js';

/**
 * Routes all records from a place to the end of the ring to synchronous targets.
 *
 * @param slot of a reader that nobody else reads with meanwhile; its cursor moves to the end
 * @param onRoom called when that makes the room that somebody waits for
 */
export function lookThrough(
  { memory, types }: ReadingContext,
  slot: number,
  place: { readonly position: number; readonly sequence: number },
  router: Router,
  onRoom: () => void,
): void {
  const reader = new RingReader(memory, slot, place.position, onRoom);
  const events = { onSettled: () => {} };
  const dispatcher = new Dispatcher(reader, router, types, place.sequence, events);
  while (dispatcher.step(Number.POSITIVE_INFINITY) !== 'idle');
}
