/** Envelopes from elsewhere: validated, kept to the byte where they are canonical, and made canonical where not. */
import { reencode, scanEnvelope } from '../envelope/envelope-scan.js';
import { EnvelopeTemplate } from '../envelope/envelope-template.js';
import { TemplateTable } from '../envelope/template-table.js';
import { IncompleteEnvelopeError } from '../errors.js';
import { checkNamespace } from '../topic/topic.js';
import type { EventTypes } from './event-types.js';

/** A canonical envelope and what its record says of it. */
export interface ForwardedEnvelope {
  topic: string;
  typeId: number;
  body: Buffer;
  /** From the start of the body; 0: read the envelope. */
  payloadOffset: number;
  seconds: number;
  nanos: number;
}

export class Forwarder {
  readonly #types: EventTypes;
  readonly #seen = new TemplateTable();

  constructor(types: EventTypes) {
    this.#types = types;
  }

  /**
   * Validates an envelope. The topic is checked where its entry is looked up.
   *
   * @returns its canonical form; the body is `bytes` themselves where they are canonical
   * @throws {MalformedEnvelopeError} `BUS_MALFORMED_ENVELOPE` when the bytes are no envelope
   * @throws {IncompleteEnvelopeError} `BUS_INCOMPLETE_ENVELOPE` when it lacks a valid time or its event
   * @throws {InvalidNamespaceError} `BUS_INVALID_NAMESPACE`
   */
  read(bytes: Uint8Array): ForwardedEnvelope {
    const source = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const template = this.#seen.find(source, 0, source.length);
    if (template === undefined) return this.#scan(source);
    return {
      topic: template.topic,
      typeId: this.#types.idOfUrl(template.typeUrl),
      body: source,
      payloadOffset: this.#seen.payloadOffset,
      seconds: this.#seen.seconds,
      nanos: this.#seen.nanos,
    };
  }

  #scan(source: Buffer): ForwardedEnvelope {
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
    checkNamespace(namespace);
    // Validated once; the next one like it is recognised by its bytes.
    if (canonical) this.#seen.add(new EnvelopeTemplate(namespace, topic, typeUrl));
    const hasPayload = canonical && scanned.payloadEnd === source.length;
    return {
      topic,
      typeId: this.#types.idOfUrl(typeUrl),
      body: canonical ? source : reencode(source),
      payloadOffset: hasPayload ? scanned.payloadStart : 0,
      seconds,
      nanos,
    };
  }
}
