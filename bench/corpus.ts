/** The events and topics of all cases: made by counting, so that every run and every subject has the same ones. */
import { TaskExit } from 'ringcast/events';

export const TOPIC = '/tasks/exit';
export const NAMESPACE = 'k8s.io';

/** Events that take turns; a power of two. */
const EVENTS = 64;
export const EVENT_MASK = EVENTS - 1;

export interface PlainTaskExit {
  readonly containerId: string;
  readonly id: string;
  readonly pid: number;
  readonly exitStatus: number;
  readonly exitedAt: { readonly seconds: number; readonly nanos: number };
}

/** A 64-character id, as a container has. */
function hexId(seed: number): string {
  let state = seed + 1;
  let id = '';
  while (id.length < 64) {
    // A linear congruential generator (Numerical Recipes): any digits will do.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    id += state.toString(16).padStart(8, '0');
  }
  // In one piece: a string made by adding is copied together on first use, which is not what is measured.
  return Buffer.from(id, 'latin1').toString('latin1');
}

/** A TaskExit event as a plain object, as users send them with postMessage. */
export function plainEvent(index: number): PlainTaskExit {
  return {
    containerId: hexId(index),
    id: 'exec-1',
    pid: 1000 + index,
    exitStatus: index % 3,
    exitedAt: { seconds: 1_700_000_000 + index, nanos: 123_456_000 + index },
  };
}

export const plainEvents: readonly PlainTaskExit[] = Array.from({ length: EVENTS }, (_, index) => plainEvent(index));

/** The same events as instances of the event class. */
export const typedEvents: readonly TaskExit[] = plainEvents.map((event) => new TaskExit(event));
