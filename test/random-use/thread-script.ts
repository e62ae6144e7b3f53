/** What a thread does with a bus, as data, written from a seed. */
import type { Dice } from '../torture/payload.js';
import { BLOCK, ELSEWHERE, exitStatusOf, MAX_SIZE, ORIGINS, recordBytesOf, type Shape } from './events.js';
import type { Entry } from './reference.js';
import { FILTERS, ONE_OFF, TOPICS } from './topics.js';

export type ThreadVerb = 'publish' | 'tryPublish' | 'publishSync' | 'forward';

export interface ThreadSending {
  readonly do: 'send';
  readonly verb: ThreadVerb;
  readonly terms: EventTerms;
  readonly size: number;
  readonly times: number;
  readonly waits: boolean;
}

/** What is known of an event besides its number. */
export interface EventTerms {
  /** Index of the topic; beyond the last one: a topic of its own. */
  readonly topic: number;
  readonly shape: Shape;
  readonly namespace: (typeof NAMESPACES)[number];
}

export type ThreadForm = 'handler' | 'isolated' | 'stream' | 'next';

export interface ThreadSubscribing {
  readonly do: 'subscribe';
  readonly form: ThreadForm;
  readonly filter: number;
  readonly lossy: boolean;
  readonly from: 'now' | 'oldest' | { readonly last: number };
  readonly except: readonly number[];
  readonly limit: number | undefined;
  /** When its handler waits, hangs, throws, publishes. */
  readonly salt: number;
  readonly wild: boolean;
}

export type ThreadAction =
  | ThreadSending
  /** A run of envelopes, forwarded in one call. */
  | { readonly do: 'forwardAll'; readonly topic: number; readonly size: number; readonly length: number }
  | ThreadSubscribing
  | { readonly do: 'stop' | 'drain' | 'abort'; readonly which: number }
  | { readonly do: 'setFilter'; readonly which: number; readonly filter: number }
  | { readonly do: 'sleep' | 'block'; readonly ms: number }
  /** Leaves by `close`, and connects once more. */
  | { readonly do: 'reconnect' }
  | { readonly do: 'turn' | 'flush' | 'writable' };

/** How the thread leaves the bus, unless it is ended. */
export type ThreadEnd = 'close' | 'return' | 'exit' | 'destroy';

export interface ThreadScript {
  /** Its events have numbers from there on. */
  readonly firstId: number;
  readonly actions: readonly ThreadAction[];
  readonly end: ThreadEnd;
  /** So many subscriptions, the first ones, are never stopped. */
  readonly pinned: number;
}

const NAMESPACES = ['default', 'other', ELSEWHERE] as const;
const SHAPES = ['plain', 'typed', 'bytes'] as const;

/** In one cell of a log. */
export function packTerms({ topic, shape, namespace }: EventTerms): number {
  return topic | (SHAPES.indexOf(shape) << 8) | (NAMESPACES.indexOf(namespace) << 16);
}

/** The event with a number, from what {@link packTerms} made of it. */
export function entryOf(id: number, packed: number): Entry {
  const shape = SHAPES[(packed >> 8) & 0xff]!;
  return {
    id,
    topic: topicOf(id, packed & 0xff),
    namespace: NAMESPACES[packed >> 16]!,
    exitStatus: exitStatusOf(id, shape),
    recordBytes: recordBytesOf(MAX_SIZE),
  };
}

export function topicOf(id: number, which: number): string {
  return TOPICS[which] ?? `${ONE_OFF}${id}`;
}

export class ThreadScriptWriter {
  readonly #dice: Dice;
  /** The thread owns the bus, and cannot leave it. */
  readonly #isOwner: boolean;

  constructor(dice: Dice, isOwner: boolean) {
    this.#dice = dice;
    this.#isOwner = isOwner;
  }

  script(firstId: number, length: number): ThreadScript {
    const actions = Array.from({ length }, () => this.#action());
    const end = (['close', 'close', 'return', 'exit', 'destroy'] as const)[this.#roll(5)]!;
    return { firstId, actions, end, pinned: 0 };
  }

  #action(): ThreadAction {
    const which = this.#roll(100);
    const dice = this.#roll(100);
    if (dice < 40) return this.#sending();
    if (dice < 45) {
      return { do: 'forwardAll', topic: this.#topic(), size: this.#size(), length: 1 + this.#roll(BLOCK) };
    }
    if (dice < 58) return this.#subscribing();
    if (dice < 64) return { do: (['stop', 'drain', 'abort'] as const)[this.#roll(3)]!, which };
    if (dice < 69) return { do: 'setFilter', which, filter: this.#filter() };
    if (dice < 73) return { do: 'sleep', ms: this.#roll(12) };
    if (dice < 75) return { do: 'block', ms: this.#roll(25) };
    if (dice < 77 && !this.#isOwner) return { do: 'reconnect' };
    return { do: (['turn', 'turn', 'flush', 'writable'] as const)[this.#roll(4)]! };
  }

  #sending(): ThreadSending {
    const verb = (['publish', 'publish', 'publish', 'tryPublish', 'publishSync', 'forward'] as const)[this.#roll(6)]!;
    const isForwarded = verb === 'forward';
    return {
      do: 'send',
      verb,
      terms: {
        topic: this.#topic(),
        shape: isForwarded ? 'bytes' : SHAPES[this.#roll(3)]!,
        namespace: isForwarded ? ELSEWHERE : this.#oneIn(4) ? 'other' : 'default',
      },
      size: this.#size(),
      times: 1 + this.#roll(this.#oneIn(4) ? 40 : 6),
      waits: this.#oneIn(2),
    };
  }

  #subscribing(): ThreadSubscribing {
    const form = (['handler', 'handler', 'isolated', 'stream', 'next'] as const)[this.#roll(5)]!;
    const isHandler = form === 'handler' || form === 'isolated';
    return {
      do: 'subscribe',
      form,
      filter: this.#filter(),
      lossy: form !== 'next' && this.#oneIn(3),
      from: form === 'next' || !this.#oneIn(4) ? 'now' : this.#oneIn(2) ? 'oldest' : { last: this.#roll(8) },
      except: this.#oneIn(3) ? [...ORIGINS.keys()].filter(() => this.#oneIn(2)) : [],
      limit: form === 'next' ? 1 : isHandler && this.#oneIn(5) ? 1 + this.#roll(4) : undefined,
      salt: this.#roll(2 ** 20),
      wild: this.#oneIn(2),
    };
  }

  #topic(): number {
    return this.#roll(TOPICS.length + 1);
  }

  #size(): number {
    return this.#oneIn(5) ? this.#roll(MAX_SIZE) : this.#roll(120);
  }

  #filter(): number {
    return this.#oneIn(3) ? 0 : this.#roll(FILTERS.length);
  }

  #oneIn(sides: number): boolean {
    return this.#roll(sides) === 0;
  }

  #roll(sides: number): number {
    return this.#dice.roll(sides);
  }
}
