/** Filters on the way in, by topic alone. */
import type { FilterInput } from '../../index.js';
import { compileFilter } from '../../topic/filter.js';
import { warnOfSlip } from '../../topic/filter-slip.js';

/** Topics whose match is remembered. */
const MAX_TOPICS = 4_096;

/** Whether a filter may want an event of a topic: what depends on more than the topic is left to subscribers. */
export function matcherOf(filter: FilterInput): (topic: string) => boolean {
  const compiled = compileFilter(filter);
  warnOfSlip(compiled.source);
  const known = new Map<string, boolean>();
  return (topic) => {
    let matches = known.get(topic);
    if (matches === undefined) {
      matches = compiled.forTopic(topic) !== false;
      if (known.size >= MAX_TOPICS) known.clear();
      known.set(topic, matches);
    }
    return matches;
  };
}
