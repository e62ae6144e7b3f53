/** Samples as a bus serves them, for what shows them. */
import type { ConnectionStats, Sample, SampledSubscription } from '../../src/index.js';

export function subscription(name: string, counts: Partial<SampledSubscription> = {}): SampledSubscription {
  return {
    ...{ name, filter: '/a/**', thread: 'own', state: 'reading', evicted: false, delivered: 0, failed: 0, lagged: 0 },
    ...{ restarts: 0, deadLetters: 0, scanned: 0, backlogBytes: 0, asleep: false, rescued: 0, stuckMs: 0 },
    ...counts,
  } as SampledSubscription;
}

export function sampleWith(
  subscriptions: readonly SampledSubscription[],
  published = 0,
  uptimeMs = 5_000,
  connections: readonly ConnectionStats[] = [],
): Sample {
  const ring = { capacityBytes: 65_536, usedBytes: 32_768, heldBy: 'subscription "w"', stalledMs: 1_500 };
  const counts = {
    published,
    unwanted: 0,
    written: published,
    refused: 3,
    wakes: 0,
    rescued: 0,
    evictions: 1,
    topics: 2,
  };
  const stats = { ...counts, pending: { events: 2, bytes: 4_000 }, ring, subscriptions, bridges: [] };
  const connected = { connections, cut: { connections: 1, events: 4, last: undefined } };
  const health = { ok: false, message: 'The ring is full.', problems: [] };
  return {
    v: 1,
    pid: 7,
    name: 'orders',
    node: 'v20',
    uptimeMs,
    blockedMs: 0,
    stats: { ...stats, ...connected },
    health,
  };
}
