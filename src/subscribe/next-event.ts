/** The next event that a filter selects, as a promise. */
import type { Envelope } from '../envelope/envelope.js';
import { NothingSelectedError, SubscriptionEndedError, TimeoutError } from '../errors.js';
import { abortReason, onAbort } from '../host/abort-signal.js';
import { reportError, unwatched } from '../host/report.js';
import { clearTimeout, nextTurn, setTimeout } from '../host/timing.js';
import { readOptions, signalOption, timeoutOption } from '../option-check.js';
import { warnOfSlip } from '../topic/filter-slip.js';
import type { Handler } from './handler-delivery.js';
import { readOrigins } from './subscribe-options.js';
import type { Subscription } from './subscription.js';
import { type CameInstead, HINT_AFTER_MS } from './wait-hint.js';

/** All optional, read once. */
export interface NextOptions {
  /** Ends the wait when aborted; the promise is rejected with its reason. */
  readonly signal?: AbortSignal;
  /**
   * How long to wait, 0 to 2^31 - 1; default `Infinity`. Without it, and without a signal, a process warning
   * (`BUS_NOTHING_SELECTED`) tells after three seconds when events came, and none ever on a topic that the filter selects.
   *
   * The error says which events came instead, as far as other threads say within 0.1 s which ones they published.
   */
  readonly timeoutMs?: number;
  /** Skips events with one of these origins. Default: none. */
  readonly exceptOrigins?: readonly string[];
}

export function readNextOptions(given: NextOptions): NextOptions {
  const options = readOptions('options', given, ['signal', 'timeoutMs', 'exceptOrigins']);
  signalOption(options.signal);
  timeoutOption('timeoutMs', options.timeoutMs, Number.POSITIVE_INFINITY, 0);
  const exceptOrigins = readOrigins(options.exceptOrigins);
  return exceptOrigins === undefined ? options : { ...options, exceptOrigins };
}

/** Turns of the event loop that what was accepted in time has to come: with others to do, a reader waits for its turn. */
const MAX_TURNS = 100;

/**
 * @param subscribe makes the subscription, which ends with the wait
 * @param cameInstead asked when the event has not come; never rejects
 */
export function nextEvent(
  subscribe: (handler: Handler) => Subscription,
  { signal, timeoutMs }: NextOptions,
  cameInstead: () => Promise<CameInstead>,
): Promise<Envelope> {
  const next = new Promise<Envelope>((resolve, reject) => {
    if (signal?.aborted === true) throw abortReason(signal);
    const subscription = subscribe((envelope) => {
      void subscription.stop();
      resolve(envelope);
    }).ref();
    warnOfSlip(subscription.filter);
    const fail = (error: unknown): void => {
      void subscription.stop();
      reject(error);
    };
    const warn = async (): Promise<void> => {
      const { others, isSelected } = await cameInstead();
      if (!subscription.active || others === '' || isSelected) return;
      reportError(new NothingSelectedError(subscription.filter, HINT_AFTER_MS, others));
    };
    const timeOut = async (): Promise<void> => {
      // Before the end: the subscription keeps the event loop going until others have answered.
      const { others } = await cameInstead();
      isOver = true;
      // What was accepted by now is handed over all the same.
      const drained = subscription.stop({ drain: true }).then(() => true);
      let turns = 0;
      while (turns++ < MAX_TURNS && !(await Promise.race([drained, nextTurn()])));
      // Changes nothing where the event came meanwhile.
      fail(new TimeoutError('next', timeoutMs!, others));
    };
    let isOver = false;
    const forget = signal === undefined ? undefined : onAbort(signal, () => fail(abortReason(signal)));
    let timer: NodeJS.Timeout | undefined;
    if (timeoutMs === undefined) {
      // Nobody has said how long it may take: it may be that it cannot come.
      if (signal === undefined) timer = setTimeout(() => void warn(), HINT_AFTER_MS).unref();
    } else if (timeoutMs !== Number.POSITIVE_INFINITY) {
      timer = setTimeout(() => void timeOut(), timeoutMs);
    }
    // Where that turns out later, as on a connection.
    subscription.ready.catch(fail);
    void subscription.delivery.ended.then(() => {
      clearTimeout(timer);
      forget?.();
      if (isOver) return;
      // Changes nothing when the event or the signal came first.
      reject(new SubscriptionEndedError(subscription.name, 'ended without an event, because the bus was closed'));
    });
  });
  return unwatched(next);
}
