/** Emitters: what a subsystem is given to say what happened, without knowing a bus. */
import type { EventEmitter } from 'node:events';
import type { BusHandle } from '../connect/bus-handle.js';
import { InvalidTopicError } from '../errors.js';
import { reportError } from '../host/report.js';
import { flagOption, readOptions } from '../option-check.js';
import { errorOf } from '../shown.js';
import { checkNamespace, checkTopic } from '../topic/topic.js';

/** Relative topics that an emitter remembers; most use few. */
const MAX_KNOWN_TOPICS = 1024;

export interface EmitterOptions {
  /** Namespace of what is emitted; default: the bus's. */
  readonly namespace?: string | undefined;
  /** Topic that relative topics are put below, such as `/service/container`; default: none. */
  readonly prefix?: string | undefined;
}

export interface EmitOptions {
  /** As for `publish`. */
  readonly traceparent?: string | undefined;
  /** As for `publish`. */
  readonly origin?: string | undefined;
  /** Throw when the event is not accepted, in place of reporting it. Default false. */
  readonly throws?: boolean;
}

/** An emitter as another thread can have it: plain data, sent like `bus.handle`. */
export interface EmitterHandle extends EmitterOptions {
  /** What `connectBus` takes. */
  readonly bus: BusHandle;
}

/** Says what happened. Whoever holds one can be tested with any object that has its `emit`. */
export interface Emitter {
  /**
   * Publishes an event. A failure is reported to the bus's `error` event and never thrown, unless asked for: the operation
   * that the event tells of has succeeded already.
   *
   * @param topic absolute (`/service/container/exit`), or relative to the emitter's prefix (`exit`)
   * @returns whether the event was accepted, at once or queued
   */
  emit(topic: string, event: unknown, options?: EmitOptions): boolean;
  /** The same emitter in another namespace. Missing in emitters that know no namespaces. */
  withNamespace?(namespace: string): Emitter;
  /** What another thread makes the same emitter from. Missing in emitters of your own; throws `BUS_CLOSED` when the bus is. */
  readonly handle?: EmitterHandle;
}

/** What an emitter needs of a bus. */
export interface EmitterBus extends EventEmitter {
  readonly handle: BusHandle;
  publish(topic: string, event: unknown, options?: PublishedAs): boolean;
}

type PublishedAs = Omit<EmitOptions, 'throws'> & { readonly namespace?: string };

export class BusEmitter implements Emitter {
  readonly #bus: EmitterBus;
  readonly #options: EmitterOptions;
  readonly #publishOptions: PublishedAs | undefined;
  /** Relative topics and what they are in full. */
  readonly #topics = new Map<string, string>();
  /** A function: sending an emitter to another thread fails with its text, where what arrives could do nothing. */
  readonly notCloneable = () => 'an emitter stays on its thread';

  constructor(bus: EmitterBus, given: EmitterOptions) {
    const options = readOptions('options', given, ['namespace', 'prefix']);
    const { namespace, prefix } = options;
    if (namespace !== undefined) checkNamespace(namespace);
    if (prefix !== undefined) checkTopic(prefix);
    this.#bus = bus;
    this.#options = options;
    this.#publishOptions = namespace === undefined ? undefined : { namespace };
  }

  emit(topic: string, event: unknown, options?: EmitOptions): boolean {
    let throws = false;
    let publishOptions = this.#publishOptions;
    try {
      if (options !== undefined) {
        const { throws: given, ...extension } = readOptions('options', options, ['throws', 'traceparent', 'origin']);
        throws = flagOption('throws', given);
        publishOptions = { ...publishOptions, ...extension };
      }
      this.#bus.publish(this.#absolute(topic), event, publishOptions);
      return true;
    } catch (error) {
      if (throws) throw error;
      reportError(errorOf(error), this.#bus);
      return false;
    }
  }

  withNamespace(namespace: string): Emitter {
    return new BusEmitter(this.#bus, { ...this.#options, namespace });
  }

  get handle(): EmitterHandle {
    return { ...this.#options, bus: this.#bus.handle };
  }

  #absolute(topic: string): string {
    if (typeof topic !== 'string' || topic.startsWith('/')) return topic;
    const known = this.#topics.get(topic);
    if (known !== undefined) return known;
    const { prefix } = this.#options;
    if (prefix === undefined) throw new InvalidTopicError(topic, "must start with '/': the emitter has no prefix");
    const absolute = `${prefix}/${topic}`;
    checkTopic(absolute);
    if (this.#topics.size >= MAX_KNOWN_TOPICS) this.#topics.clear();
    this.#topics.set(topic, absolute);
    return absolute;
  }
}
