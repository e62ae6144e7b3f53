/**
 * Envelopes from elsewhere: validated, kept to the byte where they are canonical, and made canonical where not.
 *
 * *In place.* An envelope is copied to where its record will be and looked at there: what was checked is what readers get,
 * whoever writes to the caller's memory meanwhile. One whose namespace, topic and type came before is recognized by its
 * bytes, and nothing but its record's header is left to be written. Any other is scanned.
 */
import { reencode } from '../envelope/envelope-reencode.js';
import { scanEnvelope } from '../envelope/envelope-scan.js';
import { EnvelopeTemplate } from '../envelope/envelope-template.js';
import { TemplateTable } from '../envelope/template-table.js';
import { checkTypeUrl } from '../envelope/type-url.js';
import { IncompleteEnvelopeError } from '../errors.js';
import { bodyOffset } from '../ring/record-descriptor.js';
import type { RecordExtension } from '../ring/record-extension.js';
import type { RingWriter } from '../ring/ring-writer.js';
import { checkNamespace } from '../topic/topic.js';
import type { EventTypes } from './event-types.js';
import { kindOf, payloadWordOffset } from './event-writer.js';
import type { TopicEntry } from './topic-entry.js';

class ForwardTemplate extends EnvelopeTemplate {
  constructor(
    namespace: string,
    topic: string,
    typeUrl: string,
    readonly typeId: number,
  ) {
    super(namespace, topic, typeUrl);
  }
}

/** A canonical envelope and what its record says of it. */
export interface ForwardedEnvelope {
  topic: string;
  namespace: string;
  typeUrl: string;
  /** Whether it came in its canonical form. */
  canonical: boolean;
  body: Buffer;
  /** From the start of the body; 0: read the envelope. */
  payloadOffset: number;
  seconds: number;
  nanos: number;
}

export class Forwarder {
  readonly #writer: RingWriter;
  readonly #types: EventTypes;
  readonly #seen: TemplateTable<ForwardTemplate>;
  #typeId = 0;
  #size = 0;

  constructor(writer: RingWriter, types: EventTypes) {
    this.#writer = writer;
    this.#types = types;
    this.#seen = new TemplateTable(writer.memory.bytes);
  }

  /**
   * Where in the ring to copy an envelope of `size` bytes to, to {@link recognize} it there; -1 where there is no room in one
   * piece. Nothing is taken unless {@link commit} follows.
   */
  place(size: number, extension: RecordExtension | undefined): number {
    const writer = this.#writer;
    const bodyAt = bodyOffset(kindOf(extension));
    // Before a window is opened: one for what never fits would be announced to lossy readers as overwritten.
    if (size === 0 || bodyAt + size > writer.maxRecordBytes) return -1;
    writer.open(bodyAt + size);
    const at = writer.windowStart + bodyAt;
    return at + size > writer.windowEnd ? -1 : at;
  }

  /** The topic of the envelope that was copied to [at, end) of the ring; undefined: {@link read} it. */
  recognize(at: number, end: number): string | undefined {
    const template = this.#seen.find(at, end);
    if (template === undefined) return undefined;
    this.#typeId = template.typeId;
    this.#size = end - at;
    return template.topic;
  }

  /** Commits the envelope that was just placed. */
  commit(entry: TopicEntry, extension: RecordExtension | undefined): void {
    const writer = this.#writer;
    const { payloadOffset, seconds, nanos } = this.#seen;
    const kind = kindOf(extension);
    const bodyAt = bodyOffset(kind);
    if (extension !== undefined) writer.extend(writer.windowStart, extension);
    const { wantedLow, wantedHigh } = extension === undefined ? entry : entry.wantedWith(extension);
    const payloadAt = payloadWordOffset(payloadOffset, bodyAt);
    const recordBytes = bodyAt + this.#size;
    writer.commit(recordBytes, kind, entry.id, payloadAt, this.#typeId, seconds, nanos, wantedLow, wantedHigh);
  }

  /**
   * Validates an envelope. The topic is checked where its entry is looked up.
   *
   * @returns its canonical form; the body is `source` itself where they are canonical
   * @throws {MalformedEnvelopeError} `BUS_MALFORMED_ENVELOPE` when the bytes are no envelope
   * @throws {IncompleteEnvelopeError} `BUS_INCOMPLETE_ENVELOPE` when it lacks a valid time or its event
   * @throws {InvalidTypeUrlError} `BUS_INVALID_TYPE_URL`
   * @throws {InvalidNamespaceError} `BUS_INVALID_NAMESPACE`
   */
  read(source: Buffer): ForwardedEnvelope {
    const scanned = scanEnvelope(source, 0, source.length);
    const { topic, namespace, typeUrl, seconds, nanos, canonical } = scanned;
    if (!scanned.hasTimestamp || (seconds === 0 && nanos === 0)) {
      throw new IncompleteEnvelopeError(
        'timestamp',
        'is missing or zero; publish stamps events, forward keeps their time',
      );
    }
    if (nanos < 0 || nanos > 999_999_999) {
      throw new IncompleteEnvelopeError('timestamp', `has ${nanos} nanos; give 0 to 999999999`);
    }
    if (!scanned.hasEvent || typeUrl === '') {
      throw new IncompleteEnvelopeError('event', 'is missing or has no type URL');
    }
    checkTypeUrl(typeUrl);
    checkNamespace(namespace);
    const hasPayload = canonical && scanned.payloadEnd === source.length;
    return {
      topic,
      namespace,
      typeUrl,
      canonical,
      body: canonical ? source : reencode(source),
      payloadOffset: hasPayload ? scanned.payloadStart : 0,
      seconds,
      nanos,
    };
  }
  /**
   * Keeps what the next envelope like this one is recognized by. Only when its topic is valid, too.
   *
   * @returns the id of its type
   */
  remember({ namespace, topic, typeUrl, canonical }: ForwardedEnvelope): number {
    const typeId = this.#types.idOfUrl(typeUrl);
    // Not before the type has an id: it may get one, and this would keep it without.
    if (canonical && typeId !== 0) this.#seen.add(new ForwardTemplate(namespace, topic, typeUrl, typeId));
    return typeId;
  }
}
