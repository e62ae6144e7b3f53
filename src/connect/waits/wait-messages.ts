/** What a connected thread and the owner say to each other of waits for a single event, and of what came instead. */
import type { CameInstead, SeenTopics } from '../../subscribe/wait-hint.js';
import type { FilterInput } from '../../topic/filter.js';

/** To the thread: what it asked. */
export interface WaitAnswer {
  readonly kind: 'instead';
  readonly question: number;
  readonly instead: CameInstead;
}

/** To the thread: which topics has it published on? The owner has not heard of those that nobody wanted. */
export interface WaitQuestion {
  readonly kind: 'topics?';
  readonly question: number;
  readonly filter: FilterInput;
}

/** To the owner. */
export type WaitMessage =
  /** What came instead of what a subscription of the thread's waits for? */
  | { readonly kind: 'instead?'; readonly question: number; readonly key: number }
  | { readonly kind: 'topics'; readonly question: number; readonly topics: SeenTopics };
