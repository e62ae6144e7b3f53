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
      events.push({ topic, type: event.constructor.name, event: plain(event) as Record<string, unknown> });
      return true;
    },
  };
  return runWithEmitter(emitter, () => fn(events));
}

export function topicsOf(events: readonly CapturedEvent[]): string[] {
  return events.map(({ topic }) => topic);
}

/** Messages as plain objects, without fields that are not set: what a test compares. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(fields.map(([name, field]) => [name, plain(field)]));
}
