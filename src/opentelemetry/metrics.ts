/** The counters of a bus as metrics: read from `bus.stats()` when somebody collects, and never counted per event. */

import type { BusStats, ConnectionStats, SubscriptionStats } from '../index.js';
import type { Attributes, BatchObservableResult, Meter, Observable } from './api.js';
import { EndedCounts } from './ended-counts.js';

/** The attribute that names the bus. */
const BUS_NAME = 'ringcast.bus.name';
const SUBSCRIPTION_NAME = 'ringcast.subscription.name';
const CONNECTION_NAME = 'ringcast.connection.name';
const BRIDGE_NAME = 'ringcast.bridge.name';
/** Names that were made up, one per subscription, would each begin a series. */
const UNNAMED = '(unnamed)';
const MADE_UP = /^(?:subscription|thread)-\d+$/;

interface Series<Source> {
  readonly name: string;
  readonly kind: 'counter' | 'gauge';
  readonly unit: string;
  readonly description: string;
  read(source: Source): number;
}

const OF_BUS: readonly Series<BusStats>[] = [
  counter('ringcast.published', '{event}', 'Events accepted', ({ published }) => published),
  counter('ringcast.written', '{record}', 'Records written to the ring', ({ written }) => written),
  counter('ringcast.unwanted', '{event}', 'Events accepted that nobody wanted', ({ unwanted }) => unwanted),
  counter('ringcast.refused', '{event}', 'Events that tryPublish did not accept', ({ refused }) => refused),
  counter('ringcast.wakes', '{wake}', 'Wake-ups sent to sleeping readers', ({ wakes }) => wakes),
  counter('ringcast.evictions', '{eviction}', 'Readers demoted to lossy', ({ evictions }) => evictions),
  gauge('ringcast.ring.used', 'By', 'Bytes that the slowest reader holds', ({ ring }) => ring.usedBytes),
  gauge('ringcast.ring.capacity', 'By', 'Size of the ring', ({ ring }) => ring.capacityBytes),
  gauge('ringcast.pending', 'By', 'Bytes queued behind a full ring', ({ pending }) => pending.bytes),
  gauge('ringcast.pending.events', '{event}', 'Events queued behind a full ring', ({ pending }) => pending.events),
  gauge(
    'ringcast.connections',
    '{connection}',
    'Connections that have not ended',
    ({ connections }) => connections.length,
  ),
  counter('ringcast.connections.lost', '{event}', 'Events lost with connections', ({ cut }) => cut.events),
];

const OF_SUBSCRIPTION: readonly Series<SubscriptionStats>[] = [
  counter('ringcast.subscription.delivered', '{event}', 'Events handled', ({ delivered }) => delivered),
  counter('ringcast.subscription.failed', '{event}', 'Events whose handler failed', ({ failed }) => failed),
  counter('ringcast.subscription.lagged', '{record}', 'Records missed', ({ lagged }) => lagged),
  counter('ringcast.subscription.restarts', '{restart}', 'Restarts of the thread', ({ restarts }) => restarts),
  counter('ringcast.subscription.dead_letters', '{event}', 'Events skipped', ({ deadLetters }) => deadLetters),
  gauge('ringcast.subscription.backlog', 'By', 'Bytes of the ring not released', ({ backlogBytes }) => backlogBytes),
  gauge('ringcast.subscription.asleep', '1', 'Whether the reader sleeps', ({ asleep }) => (asleep ? 1 : 0)),
];

const OF_CONNECTION: readonly Series<ConnectionStats>[] = [
  counter('ringcast.connection.published', '{event}', 'Events accepted', ({ published }) => published),
  counter('ringcast.connection.unwanted', '{event}', 'Events accepted that nobody wanted', ({ unwanted }) => unwanted),
  counter('ringcast.connection.refused', '{event}', 'Events that tryPublish did not accept', ({ refused }) => refused),
  counter('ringcast.connection.received', '{event}', 'Events that the bus has taken over', ({ received }) => received),
  gauge('ringcast.connection.pending', '{event}', 'Events queued behind a full uplink', ({ pending }) => pending),
  gauge('ringcast.connection.uplink', 'By', 'Bytes not taken over', ({ uplinkBytes }) => uplinkBytes),
];

const OF_BRIDGE: readonly Series<BusStats['bridges'][number]>[] = [
  counter('ringcast.bridge.lost', '{event}', 'Events that the bridge knows it lost', ({ lost }) => lost),
  counter('ringcast.bridge.gaps', '{gap}', 'Times that the bridge told of a gap', ({ gaps }) => gaps),
  gauge('ringcast.bridge.connected', '1', 'Whether the other side is there', ({ state }) =>
    state === 'connected' ? 1 : 0,
  ),
];

/** One look at the counters of a bus; undefined when it is gone. */
export type ReadCounters = () => BusStats | Promise<BusStats | undefined>;

/**
 * Makes the instruments, and observes with them what `read` returns, whenever the meter's readers collect.
 *
 * @returns stops observing
 */
export function observeMetrics(read: ReadCounters, meter: Meter, name: string, given: Attributes): () => void {
  const instruments = new Map<Series<never>, Observable>();
  for (const series of [...OF_BUS, ...OF_SUBSCRIPTION, ...OF_CONNECTION, ...OF_BRIDGE]) {
    const { name: of, kind, unit, description } = series;
    const options = { unit, description };
    const made =
      kind === 'counter' ? meter.createObservableCounter(of, options) : meter.createObservableGauge(of, options);
    instruments.set(series, made);
  }
  const attributes = { ...given, [BUS_NAME]: name };
  const subscriptions = new EndedCounts(OF_SUBSCRIPTION.map(({ read }) => read));
  const connections = new EndedCounts(OF_CONNECTION.map(({ read }) => read));
  const observe = async (result: BatchObservableResult): Promise<void> => {
    const report = <Source>(
      all: readonly Series<Source>[],
      sources: readonly Source[],
      more: Attributes,
      counted?: readonly number[],
    ): void => {
      for (const [i, series] of all.entries()) {
        const ended = series.kind === 'counter' ? (counted?.[i] ?? 0) : 0;
        const value = sources.reduce((sum, source) => sum + series.read(source), ended);
        result.observe(instruments.get(series as Series<never>)!, value, { ...attributes, ...more });
      }
    };
    const stats = await read();
    if (stats === undefined) return;
    report(OF_BUS, [stats], {});
    for (const [subscription, same] of byName(stats.subscriptions)) {
      const ended = subscriptions.ended(subscription, same);
      report(OF_SUBSCRIPTION, same, { [SUBSCRIPTION_NAME]: subscription }, ended);
    }
    for (const [connection, same] of byName(stats.connections)) {
      report(OF_CONNECTION, same, { [CONNECTION_NAME]: connection }, connections.ended(connection, same));
    }
    subscriptions.sweep();
    connections.sweep();
    for (const bridge of stats.bridges) report(OF_BRIDGE, [bridge], { [BRIDGE_NAME]: bridge.name });
  };
  const observables = [...instruments.values()];
  meter.addBatchObservableCallback(observe, observables);
  return () => meter.removeBatchObservableCallback(observe, observables);
}

/** Two observations of one series would be one too many: those of one name are added up. */
function byName<Named extends { readonly name: string }>(all: readonly Named[]): Map<string, Named[]> {
  const groups = new Map<string, Named[]>();
  for (const one of all) {
    const name = MADE_UP.test(one.name) ? UNNAMED : one.name;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [one]);
    else group.push(one);
  }
  return groups;
}

function counter<Source>(
  name: string,
  unit: string,
  description: string,
  read: (source: Source) => number,
): Series<Source> {
  return { name, kind: 'counter', unit, description, read };
}

function gauge<Source>(
  name: string,
  unit: string,
  description: string,
  read: (source: Source) => number,
): Series<Source> {
  return { name, kind: 'gauge', unit, description, read };
}
