/** Runs something with an emitter that writes down what is emitted. */
import { runWithEmitter } from '../../src/index.js';

export interface CapturedEvent {
  topic: string;
  type: string;
  // The fields of any event class: tests read what they know to be there.
  event: Record<string, unknown>;
}

/** Emitted events are appended to the array that `fn` gets, also those that come after `fn` has settled. */
export function withCapturedEvents<T>(fn: (events: CapturedEvent[]) => Promise<T>): Promise<T> {
  const events: CapturedEvent[] = [];
  const emitter = {
    emit(topic: string, event: object): boolean {
      events.push({ topic, type: event.constructor.name, event: { ...event } });
      return true;
    },
  };
  return runWithEmitter(emitter, () => fn(events));
}

export function topicsOf(events: readonly CapturedEvent[]): string[] {
  return events.map(({ topic }) => topic);
}
