/** One look at everything a bus counts. */

import { NONE_CUT } from '../connect/connection-news.js';
import type { Connections } from '../connect/connections.js';
import type { BusStats } from '../observe/bus-stats.js';
import type { BusParts } from './bus-parts.js';

export function takeStats(parts: BusParts, connections: Connections | undefined): BusStats {
  const { publisher, writer, readers, stalls, topicNames } = parts;
  const { accepted, unwanted, refused } = publisher.counts;
  const { queue } = publisher.order;
  const { holder } = writer;
  const subscriptions = [...parts.subscriptions.all].map((subscription) => subscription.stats());
  return {
    published: accepted,
    unwanted,
    written: writer.sequence,
    refused,
    pending: { events: queue.length, bytes: queue.bytes },
    ring: {
      capacityBytes: writer.memory.capacityBytes,
      usedBytes: writer.usedBytes,
      heldBy: holder < 0 ? undefined : readers.describe(holder),
      stalledMs: stalls.stalledMs,
    },
    wakes: writer.waker.wakes,
    rescued: subscriptions.reduce((sum, { rescued }) => sum + rescued, 0),
    evictions: stalls.evictions,
    topics: topicNames.count,
    subscriptions,
    bridges: parts.bridges.stats(),
    connections: [...(connections?.all ?? [])].map((connection) => connection.stats()),
    cut: connections?.news.cut ?? NONE_CUT,
  };
}
