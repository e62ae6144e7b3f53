/** What a bus can be created with. */
import { type EventType, isEventType } from '../envelope/type-registry.js';
import { InvalidOptionError } from '../errors.js';
import {
  choiceOption,
  flagOption,
  functionOption,
  integerOption,
  moduleUrl,
  readable,
  readOptions,
  timeoutOption,
} from '../option-check.js';
import type { Flush } from '../publish/burst-flush.js';
import { GivenClock, WallClock } from '../publish/clock.js';
import type { PublisherOptions } from '../publish/publisher.js';
import { checkNamespace, checkTopic } from '../topic/topic.js';

/** All optional, read once by `createBus`. */
export interface BusOptions {
  /**
   * Size of the ring, a power of two from 64 KiB to 1 GiB; default 4 MiB. A record takes at most an eighth. A larger ring
   * rides out longer pauses of a subscriber, and costs its memory once.
   */
  readonly capacityBytes?: number;
  /** Namespace of events published without one; default `default`. */
  readonly namespace?: string;
  /**
   * Users' event types. Modules that export some, by URL: every thread of the bus loads them; no top-level await. Event
   * classes themselves: for the thread that creates the bus alone, because a class cannot be sent to another thread.
   */
  readonly types?: readonly (URL | string | EventType)[];
  /** Type URL of the plain objects published on a topic. Without one, plain values are MessagePack. */
  readonly topicTypes?: Readonly<Record<string, string>>;
  /** How much `publish` may queue behind a full ring, in bytes of records; 0 to 2^40, default 16 MiB. */
  readonly maxPendingBytes?: number;
  /** Topics that get an id in shared memory, 1 to 2^24, default 65,536 (68 bytes each). Others work too, more slowly. */
  readonly maxTopics?: number;
  /** How long a lossless subscriber may hold up a waiting publisher before it is evicted; default 30,000, `Infinity`: for ever. */
  readonly stallTimeoutMs?: number;
  /** Whether events that nobody wants are written all the same, for subscriptions that replay them; default false. */
  readonly keepUnwanted?: boolean;
  /**
   * When sleeping subscribers are woken: at the end of the `burst` (default), a few promise reactions after the running
   * callback, and earlier in one that lasts for milliseconds or writes 256 KiB; or at `each` publish, sooner, at a cost.
   */
  readonly flush?: Flush;
  /**
   * Source of time: milliseconds since the Unix epoch, fractions welcome. Default: the system's, to the nanosecond. Connections
   * stamp what they publish with the system's in any case.
   */
  readonly clock?: () => number;
}

export interface ResolvedBusOptions extends PublisherOptions {
  readonly capacityBytes: number;
  /** URLs of modules. */
  readonly types: readonly string[];
  readonly classes: readonly EventType[];
  readonly topicTypes: ReadonlyMap<string, string>;
  readonly maxTopics: number;
  readonly stallTimeoutMs: number;
}

const DEFAULT_CAPACITY_BYTES = 4 * 1024 * 1024;
const DEFAULT_NAMESPACE = 'default';
const DEFAULT_MAX_PENDING_BYTES = 16 * 1024 * 1024;
const DEFAULT_MAX_TOPICS = 65_536;
const DEFAULT_STALL_TIMEOUT_MS = 30_000;

export const BUS_OPTIONS = [
  'capacityBytes',
  'namespace',
  'types',
  'topicTypes',
  'maxPendingBytes',
  'maxTopics',
  'stallTimeoutMs',
  'keepUnwanted',
  'flush',
  'clock',
] as const satisfies readonly (keyof BusOptions)[];

/**
 * Checks the options and fills in the defaults. `capacityBytes` is checked where the ring is allocated.
 *
 * @throws {UnknownOptionError} `BUS_UNKNOWN_OPTION`
 * @throws {InvalidOptionError} `BUS_INVALID_OPTION`
 */
export function resolveBusOptions(given?: BusOptions): ResolvedBusOptions {
  const options = readOptions('options', given, BUS_OPTIONS);
  const { capacityBytes = DEFAULT_CAPACITY_BYTES, namespace = DEFAULT_NAMESPACE } = options;
  checkNamespace(namespace);
  const clock = functionOption('clock', options.clock);
  return {
    capacityBytes,
    namespace,
    ...resolveTypes(options.types),
    topicTypes: resolveTopicTypes(options.topicTypes),
    maxPendingBytes: integerOption('maxPendingBytes', options.maxPendingBytes, DEFAULT_MAX_PENDING_BYTES, 0, 2 ** 40),
    maxTopics: integerOption('maxTopics', options.maxTopics, DEFAULT_MAX_TOPICS, 1, 2 ** 24),
    stallTimeoutMs: timeoutOption('stallTimeoutMs', options.stallTimeoutMs, DEFAULT_STALL_TIMEOUT_MS, 1),
    keepUnwanted: flagOption('keepUnwanted', options.keepUnwanted),
    flush: choiceOption('flush', options.flush, ['burst', 'each']),
    clock: clock === undefined ? new WallClock() : new GivenClock(clock),
  };
}

function resolveTypes(types: BusOptions['types']): Pick<ResolvedBusOptions, 'types' | 'classes'> {
  const list = types === undefined ? [] : readable('types', () => (Array.isArray(types) ? [...types] : undefined));
  if (list === undefined) throw new InvalidOptionError('types', types, 'an array of module URLs and event classes');
  const classes = list.filter((type) => readable('types', () => isEventType(type))) as EventType[];
  const modules = list.filter((type) => !classes.includes(type as EventType)) as (URL | string)[];
  return { types: modules.map((module) => moduleUrl('types', module)), classes };
}

const EXPECTED_TOPIC_TYPES = 'an object from topic to type URL';

function resolveTopicTypes(topicTypes: BusOptions['topicTypes']): ReadonlyMap<string, string> {
  if (topicTypes === undefined) return new Map();
  if (topicTypes === null || typeof topicTypes !== 'object') {
    throw new InvalidOptionError('topicTypes', topicTypes, EXPECTED_TOPIC_TYPES);
  }
  const entries = readable('topicTypes', () =>
    Symbol.iterator in topicTypes ? undefined : Object.entries(topicTypes),
  );
  if (entries === undefined) throw new InvalidOptionError('topicTypes', topicTypes, EXPECTED_TOPIC_TYPES);
  for (const [topic, typeUrl] of entries) {
    checkTopic(topic);
    if (typeof typeUrl !== 'string') throw new InvalidOptionError(`topicTypes[${topic}]`, typeUrl, 'a type URL');
  }
  return new Map(entries);
}
