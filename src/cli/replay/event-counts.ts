/** A subscriber thread of `ringcast replay`: counts events by topic and by namespace. */
import type { SubscriberModule } from '../../index.js';
import { type ReplaySubscriberData, sendReport } from './subscriber-report.js';

/** Most frequent first. */
export interface CountsReport {
  readonly topics: readonly { readonly topic: string; readonly events: number }[];
  readonly namespaces: readonly { readonly namespace: string; readonly events: number }[];
}

const topics = new Map<string, number>();
const namespaces = new Map<string, number>();

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function ranked(counts: ReadonlyMap<string, number>): [key: string, events: number][] {
  return [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
}

export default {
  handle({ topic, namespace }) {
    count(topics, topic);
    count(namespaces, namespace);
  },
  teardown({ name, data }) {
    const report: CountsReport = {
      topics: ranked(topics).map(([topic, events]) => ({ topic, events })),
      namespaces: ranked(namespaces).map(([namespace, events]) => ({ namespace, events })),
    };
    sendReport(data.channelName, name, report);
  },
} satisfies SubscriberModule<ReplaySubscriberData>;
