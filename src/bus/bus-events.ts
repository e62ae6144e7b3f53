/** What a bus tells those who listen to it. */
import type { DisconnectReport } from '../connect/connection-news.js';
import type { DeadLetterReport } from '../subscribe/dead-letters.js';

/** Their names, as an object that the compiler holds against them. */
export const BUS_EVENTS: Readonly<Record<keyof BusEvents, true>> = {
  error: true,
  drain: true,
  evicted: true,
  deadLetter: true,
  disconnect: true,
};

/** What happens on a bus, as events. */
export interface BusEvents {
  /** An error of a subscription that nobody listens to there. Unheard, it becomes a process warning. */
  error: [error: Error];
  /** What was queued behind a full ring is in the ring, and there is room for more. */
  drain: [];
  /** A subscription was evicted: it held up the publisher for too long, and is lossy from now on. */
  evicted: [error: Error];
  /** A subscription skipped an event because it kept killing the thread. */
  deadLetter: [report: DeadLetterReport];
  /** A connection is over: it was closed, its thread has ended, or the bus was closed. What it had published is on the bus. */
  disconnect: [report: DisconnectReport];
}
