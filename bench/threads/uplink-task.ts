/** The task of piscina's pool in the cases of uplinks: its result is an event. */
import { EVENT_MASK, NAMESPACE, plainEvents, TOPIC } from '../corpus.js';
import type { SentObject } from './reading.js';

export default function event(index: number): SentObject {
  return { topic: TOPIC, namespace: NAMESPACE, timestamp: Date.now(), event: plainEvents[index & EVENT_MASK]! };
}
