/** `ringcast/opentelemetry`: metrics of a bus, and spans of its events. Needs `@opentelemetry/api`, and nothing of an SDK. */

import { InvalidOptionError } from '../errors.js';
import type { Bus, BusConnection, HostedBus } from '../index.js';
import { readable, readOptions } from '../option-check.js';
import { type Attributes, type Meter, metrics, type Tracer, trace } from './api.js';
import { observeMetrics, type ReadCounters } from './metrics.js';
import { spanHandlers, spanPublishes } from './spans.js';

export { CONVENTIONS_VERSION } from './semantic-conventions.js';

/** What {@link instrument} takes. All optional. */
export interface InstrumentOptions {
  /** Value of the attribute `ringcast.bus.name`, which tells the buses of a process apart. Default `bus`. */
  readonly name?: string;
  /** Default: the one of the global meter provider. */
  readonly meter?: Meter;
  /** Default: the one of the global tracer provider. */
  readonly tracer?: Tracer;
  /**
   * Whether spans are made: `sampled`, for each publish under a sampled parent, and for each handler of an event that was
   * published so. Default `false`. While spans are made, every publish of the thread costs more, those included that are not
   * sampled.
   */
  readonly spans?: false | 'sampled';
  /** Added to every series and span. */
  readonly attributes?: Attributes;
}

const SCOPE = 'ringcast';

/**
 * Reports the counters of a bus as metrics, whenever the meter's readers collect, and, if asked, spans of its events. Costs
 * nothing per event without spans.
 *
 * Threads: that of the bus; with `hostBus`, the one that called it. Of a connection by `connectBus`, it makes the spans alone:
 * the counters are reported where the bus is instrumented. In threads of modules, call {@link instrumentThread}.
 *
 * @returns ends it: nothing is observed, and no span is begun any more; those of handlers under way end with them
 * @throws {InvalidOptionError} `BUS_INVALID_OPTION`, also for a connection by `connectBus` without spans
 * @throws {UnknownOptionError} `BUS_UNKNOWN_OPTION`
 */
export function instrument<Topics extends object>(
  bus: Bus<Topics> | HostedBus<Topics> | BusConnection<Topics>,
  given: InstrumentOptions = {},
): () => void {
  const options = readOptions('options', given, ['name', 'meter', 'tracer', 'spans', 'attributes']);
  const { meter = metrics.getMeter(SCOPE) } = options;
  checkMethods('meter', meter, ['createObservableCounter', 'createObservableGauge', 'addBatchObservableCallback']);
  const tracer = tracerOf(options.tracer);
  const attributes = copyOf(options.attributes);
  const { name = 'bus', spans = false } = options;
  if (typeof name !== 'string' || name === '') throw new InvalidOptionError('name', name, 'a non-empty string');
  if (spans !== false && spans !== 'sampled') throw new InvalidOptionError('spans', spans, "false or 'sampled'");
  const read = countersOf(bus);
  if (read === undefined && spans === false) {
    const expected = "'sampled' for a connection: its counters are reported where its bus is instrumented";
    throw new InvalidOptionError('spans', spans, expected);
  }
  const ends = read === undefined ? [] : [observeMetrics(read, meter, name, attributes)];
  if (spans === 'sampled')
    ends.push(spanPublishes(bus, { tracer, attributes }), spanHandlers(bus, { tracer, attributes }));
  return () => {
    for (const end of ends.splice(0)) end();
  };
}

/**
 * Makes spans of what is published and handled on this thread: by subscriber modules and what they publish with `context.bus`
 * or `emit`, and by connections. Call it in a file that threads load first (`node --import`), after the SDK was set up there,
 * or in the `setup` of a module.
 *
 * On a thread without an SDK no span is made: what a handler publishes goes on in the trace of its event.
 *
 * @returns ends it
 */
export function instrumentThread(given: Pick<InstrumentOptions, 'tracer' | 'attributes'> = {}): () => void {
  const options = readOptions('options', given, ['tracer', 'attributes']);
  const tracer = tracerOf(options.tracer);
  const attributes = copyOf(options.attributes);
  const ends = [spanPublishes(undefined, { tracer, attributes }), spanHandlers(undefined, { tracer, attributes })];
  return () => {
    for (const end of ends.splice(0)) end();
  };
}

/**
 * How the counters of a bus are read; undefined for a connection, which has none of them.
 *
 * @throws {InvalidOptionError} `BUS_INVALID_OPTION` when it is neither
 */
function countersOf<Topics extends object>(
  bus: Bus<Topics> | HostedBus<Topics> | BusConnection<Topics>,
): ReadCounters | undefined {
  if (typeof bus === 'object' && bus !== null) {
    // A host that has ended has said so, and counts nothing any more.
    if ('busStats' in bus) return () => bus.busStats().catch(() => undefined);
    if ('health' in bus) return () => bus.stats();
    if ('handle' in bus) return undefined;
  }
  throw new InvalidOptionError('bus', bus, 'a bus, or a connection to one');
}

function tracerOf(tracer: Tracer = trace.getTracer(SCOPE)): Tracer {
  checkMethods('tracer', tracer, ['startSpan']);
  return tracer;
}

/** Checks that an object of the API, of whatever version, has the methods that are called. */
function checkMethods<T extends object>(option: string, value: T, methods: readonly (keyof T & string)[]): void {
  const missing = methods.find((method) => readable(option, () => typeof value?.[method]) !== 'function');
  if (missing !== undefined) throw new InvalidOptionError(option, value, `a ${option} with ${missing}()`);
}

function copyOf(attributes: Attributes = {}): Attributes {
  if (attributes === null || typeof attributes !== 'object' || Array.isArray(attributes)) {
    throw new InvalidOptionError('attributes', attributes, 'an object');
  }
  return readable('attributes', () => ({ ...attributes }));
}
