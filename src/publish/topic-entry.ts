/** What the publishing thread knows of one topic, and how much memory that takes for all topics together. */
import { EnvelopeTemplate } from '../envelope/envelope-template.js';
import type { EventCodec } from '../envelope/event-codec.js';
import { originOf, type RecordExtension } from '../ring/record-extension.js';
import { isReservedTopic } from '../topic/topic.js';

/** Templates kept for one topic, besides the last used: namespaces times types. */
const MAX_TEMPLATES = 64;
/** Templates of all topics of a bus: one each for 65,536 topics as they usually are, with room to spare. */
const MAX_TEMPLATE_BYTES = 64 * 1024 * 1024;

/** Keeps the templates of a bus within a bound: those of all topics are forgotten when there are more. */
export class TemplateMemory {
  readonly #maxBytes: number;
  #bytes = 0;
  /** Topics that have templates, with their bytes. */
  readonly #held = new Map<TopicEntry, number>();

  constructor(maxBytes = MAX_TEMPLATE_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of all templates, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Counts a template that is about to be kept for `entry`. */
  add(entry: TopicEntry, bytes: number): void {
    if (this.#bytes + bytes > this.#maxBytes) for (const held of this.#held.keys()) held.forget();
    this.#held.set(entry, (this.#held.get(entry) ?? 0) + bytes);
    this.#bytes += bytes;
  }

  /** Counts those of `entry` no longer. */
  remove(entry: TopicEntry): void {
    this.#bytes -= this.#held.get(entry) ?? 0;
    this.#held.delete(entry);
  }
}

/** Readers, one bit each. */
export interface WantedBy {
  readonly wantedLow: number;
  readonly wantedHigh: number;
}

/** A reader that wants a topic, but not what came in at some origins. */
export interface Want {
  readonly reader: number;
  readonly exceptOrigins: ReadonlySet<number>;
}

export const NO_WANTS: readonly Want[] = [];

/** The readers of those wants that do not except an origin. */
function wantedBy(wants: readonly Want[], originId: number): WantedBy {
  let wantedLow = 0;
  let wantedHigh = 0;
  for (const { reader, exceptOrigins } of wants) {
    if (exceptOrigins.has(originId)) continue;
    if (reader < 32) wantedLow |= 1 << reader;
    else wantedHigh |= 1 << (reader - 32);
  }
  return { wantedLow, wantedHigh };
}

export class TopicEntry implements WantedBy {
  readonly topic: string;
  /** Index in the topic registry; 0: none. */
  id = 0;
  /** Readers that want the topic as of `version` of the filters, one bit each. */
  wantedLow = 0;
  wantedHigh = 0;
  version = -1;
  /** Who they are, where one of them excepts an origin; empty otherwise. */
  excepting = NO_WANTS;
  /** True once it is kept for good. */
  known = false;
  /** True below `/ringcast`, where only the bus itself publishes. */
  readonly reserved: boolean;
  /** Codec of plain objects on this topic, if one was declared. */
  readonly declared: EventCodec | undefined;
  /** The last used template. */
  template: EnvelopeTemplate | undefined;
  /** The others, if there are any: made when a second one is asked for. */
  #templates: Map<string, EnvelopeTemplate> | undefined;
  readonly #memory: TemplateMemory;

  constructor(topic: string, declared: EventCodec | undefined, memory: TemplateMemory) {
    this.topic = topic;
    this.reserved = isReservedTopic(topic);
    this.declared = declared;
    this.#memory = memory;
  }

  /** The template of a namespace and a type URL, which are valid. */
  templateFor(namespace: string, typeUrl: string): EnvelopeTemplate {
    const last = this.template;
    if (last !== undefined && last.namespace === namespace && last.typeUrl === typeUrl) return last;
    const template = last === undefined ? this.#make(namespace, typeUrl) : this.#other(last, namespace, typeUrl);
    this.template = template;
    return template;
  }

  /** Readers that want events with an extension. */
  wantedWith(extension: RecordExtension): WantedBy {
    const originId = originOf(extension);
    return originId === 0 || this.excepting.length === 0 ? this : wantedBy(this.excepting, originId);
  }

  /** Forgets its templates; one that is in use stays usable. */
  forget(): void {
    this.template = undefined;
    this.#templates = undefined;
    this.#memory.remove(this);
  }

  #other(last: EnvelopeTemplate, namespace: string, typeUrl: string): EnvelopeTemplate {
    const known = this.#templates?.get(keyOf(namespace, typeUrl));
    if (known !== undefined) return known;
    if (this.#templates !== undefined && this.#templates.size >= MAX_TEMPLATES) this.forget();
    const template = this.#make(namespace, typeUrl);
    // Where making one has made all be forgotten, the last used is no longer counted.
    this.#templates ??= this.template === last ? new Map([[keyOf(last.namespace, last.typeUrl), last]]) : new Map();
    this.#templates.set(keyOf(namespace, typeUrl), template);
    return template;
  }

  #make(namespace: string, typeUrl: string): EnvelopeTemplate {
    const template = new EnvelopeTemplate(namespace, this.topic, typeUrl);
    this.#memory.add(this, template.memoryBytes);
    return template;
  }
}

/** A namespace has no line end in it. */
function keyOf(namespace: string, typeUrl: string): string {
  return `${namespace}\n${typeUrl}`;
}
