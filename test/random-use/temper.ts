/** What a subscriber does with an event besides writing it down: decided by the event's id, so that every run repeats it. */
import { mix } from '../torture/payload.js';

export type Mood =
  | 'calm'
  /** The handler throws. */
  | 'throw'
  /** The handler returns a promise that is rejected. */
  | 'reject'
  /** The handler returns a promise that is settled a little later. */
  | 'wait'
  /** The handler returns a promise that is settled after `hangMs`, or blocks its own thread that long. */
  | 'hang'
  /** The handler publishes, subscribes, stops, waits (on the thread of the bus). */
  | 'act'
  /** The thread ends itself at the first sight of the event. */
  | 'die'
  /** The thread does not turn any more from the first sight of the event on, until it is ended as hung. */
  | 'stick'
  /** The thread ends itself at every sight of the event, until it is skipped. */
  | 'poison';

/** One event in so many puts the subscriber into that mood; 0: none. */
export interface Temper {
  /** Each subscriber has its moods at other events. */
  readonly salt: number;
  readonly throw: number;
  readonly reject: number;
  readonly wait: number;
  readonly hang: number;
  readonly hangMs: number;
  readonly act: number;
  readonly die: number;
  readonly stick: number;
  readonly poison: number;
}

export const CALM: Temper = {
  salt: 0,
  throw: 0,
  reject: 0,
  wait: 0,
  hang: 0,
  hangMs: 0,
  act: 0,
  die: 0,
  stick: 0,
  poison: 0,
};

const MOODS = ['poison', 'die', 'stick', 'hang', 'act', 'throw', 'reject', 'wait'] as const;

export function moodOf(id: number, temper: Temper): Mood {
  // Dead letters are read calmly.
  if (id < 0) return 'calm';
  for (const [i, mood] of MOODS.entries()) {
    if (temper[mood] > 0 && mix(id, temper.salt + i) % temper[mood] === 0) return mood;
  }
  return 'calm';
}

/** Whether the handler fails in that mood. */
export function isFailure(mood: Mood): boolean {
  return mood === 'throw' || mood === 'reject';
}
