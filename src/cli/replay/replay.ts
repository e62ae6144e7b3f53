/** Sends an input through a bus to three subscriber threads, as often as asked, and collects what they found. */

import { monotonicMs, nextTurn } from '../../host/timing.js';
import { type Bus, createBus, HandlerError, type Subscription } from '../../index.js';
import { compileFilter, type FilterInput } from '../../topic/filter.js';
import { FOREVER_MS, RING_BYTES } from '../bus-settings.js';
import { type EnvelopeInput, forwardWhole } from '../envelope-input.js';
import type { AuditReport } from './audit-log.js';
import type { LivesReport } from './container-lives.js';
import type { CountsReport } from './event-counts.js';
import { type ReplaySubscriberData, ReportCollector } from './subscriber-report.js';

/** Events that make a rate meaningful: a second or two of work. */
const MEANINGFUL_EVENTS = 200_000;
/** Input longer than this is not kept for another pass. Such a stream is long enough by itself. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;

const LIVES = 'container lives';
const COUNTS = 'event counts';
const AUDIT = 'audit log';

const SUBSCRIBERS: readonly { name: string; filter: FilterInput; module: URL }[] = [
  { name: LIVES, filter: ['/containers/*', '/tasks/*'], module: new URL('./container-lives.js', import.meta.url) },
  { name: COUNTS, filter: '**', module: new URL('./event-counts.js', import.meta.url) },
  {
    name: AUDIT,
    filter: 'topic~="^/(containers|images|namespaces)/"',
    module: new URL('./audit-log.js', import.meta.url),
  },
];

/** What came of a replay; `ringcast replay --json` prints it. */
export interface ReplaySummary {
  readonly input: string;
  /** Events in the input. */
  readonly recorded: number;
  /** How often they were sent. */
  readonly passes: number;
  readonly published: number;
  /** Deliveries that were owed and did not happen, over all subscribers. */
  readonly lost: number;
  /** From the first event forwarded to the last one handled. */
  readonly elapsedMs: number;
  readonly eventsPerSecond: number;
  readonly subscribers: readonly SubscriberSummary[];
  /** What the first handler that failed threw. */
  readonly firstFailure: string | undefined;
  readonly containers: LivesReport;
  /** Over all passes. */
  readonly counts: CountsReport;
  readonly audit: AuditReport;
}

interface SubscriberSummary {
  readonly name: string;
  readonly filter: FilterInput;
  readonly delivered: number;
  /** Handled, but the handler threw. */
  readonly failed: number;
  readonly lost: number;
}

/** How far a replay has come. */
export interface ReplayProgress {
  pass: number;
  /** Undefined during the first, in which the input is counted. */
  passes: number | undefined;
}

/**
 * Replays an input.
 *
 * @param passes how often; undefined: often enough for a meaningful rate
 * @throws {InputError} when the input holds what is no envelope
 * @throws {BusError} when a subscriber thread fails
 */
export async function replay(
  input: EnvelopeInput,
  passes: number | undefined,
  auditFile: string,
  progress: ReplayProgress,
): Promise<ReplaySummary> {
  const bus = createBus({ capacityBytes: RING_BYTES, stallTimeoutMs: FOREVER_MS });
  const abort = new AbortController();
  let firstFailure: string | undefined;
  bus.on('error', (error) => {
    // What a handler could not deal with is counted, and the first shown; the replay goes on.
    if (error instanceof HandlerError) firstFailure ??= error.message;
    else abort.abort(error);
  });
  const collector = new ReportCollector();
  try {
    const data: ReplaySubscriberData = { channelName: collector.channelName, auditFile };
    const subscriptions = SUBSCRIBERS.map(({ name, filter, module }) => bus.subscribe(filter, module, { name, data }));
    await Promise.all(subscriptions.map((subscription) => subscription.ready));
    const startedMs = monotonicMs();
    await sendAll(bus, input, passes, abort.signal, progress);
    await bus.close({ drainTimeoutMs: FOREVER_MS });
    const elapsedMs = monotonicMs() - startedMs;
    abort.signal.throwIfAborted();
    const reports = await collector.collect(subscriptions.length);
    return { ...sumUp(bus, input, progress.pass, elapsedMs, subscriptions, reports), firstFailure };
  } finally {
    bus.destroy();
    collector.close();
  }
}

async function sendAll(
  bus: Bus,
  input: EnvelopeInput,
  passes: number | undefined,
  signal: AbortSignal,
  progress: ReplayProgress,
): Promise<void> {
  let kept: Uint8Array[] | undefined = [];
  await input.forwardTo(bus, signal, (run) => {
    if (input.position.bytes > MAX_KEPT_BYTES) kept = undefined;
    else kept?.push(run);
  });
  const wanted = passes ?? Math.ceil(MEANINGFUL_EVENTS / Math.max(input.position.envelopes, 1));
  progress.passes = kept === undefined || kept.length === 0 ? 1 : wanted;
  while (progress.pass < progress.passes) {
    progress.pass++;
    for (const run of kept!) await forwardWhole(bus, run, () => signal.throwIfAborted());
    // A turn of the event loop: for the terminal, and for what the threads have to say.
    await nextTurn();
  }
}

function sumUp(
  bus: Bus,
  input: EnvelopeInput,
  passes: number,
  elapsedMs: number,
  subscriptions: readonly Subscription[],
  reports: ReadonlyMap<string, unknown>,
): Omit<ReplaySummary, 'firstFailure'> {
  const { published } = bus.stats();
  const counts = reports.get(COUNTS) as CountsReport;
  const subscribers = subscriptions.map((subscription) => summaryOf(subscription, published, counts));
  return {
    input: input.name,
    recorded: input.position.envelopes,
    passes,
    published,
    lost: subscribers.reduce((sum, { lost }) => sum + lost, 0),
    elapsedMs,
    eventsPerSecond: published / (elapsedMs / 1000),
    subscribers,
    containers: reports.get(LIVES) as LivesReport,
    counts,
    audit: reports.get(AUDIT) as AuditReport,
  };
}

/** What a subscription was owed comes from the publisher's count or from another thread's, never from its own. */
function summaryOf(subscription: Subscription, published: number, counts: CountsReport): SubscriberSummary {
  const { name, filter, delivered, failed } = subscription.stats();
  const compiled = compileFilter(filter);
  const owed =
    name === COUNTS
      ? published
      : counts.topics.reduce((sum, { topic, events }) => sum + (compiled.forTopic(topic) === true ? events : 0), 0);
  return { name, filter, delivered, failed, lost: owed - delivered - failed };
}
