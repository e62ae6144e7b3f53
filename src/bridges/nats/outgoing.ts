/**
 * Events of the bus on their way to the stream.
 *
 * *Bundles.* One is on its way at a time, so the order is kept; meanwhile the next one fills. When that is full, too, the
 * handler waits, and the ring holds what follows. A bundle is not changed once it was sent: its id is that of its content.
 *
 * *One by one.* Each event is a message with its topic as the subject. With one in flight the order is kept.
 */
import { clearTimeout, setTimeout } from '../../host/timing.js';
import type { Envelope } from '../../index.js';
import { RESERVED } from '../bridge-life.js';
import { contentKey, readEnvelopeFields } from '../envelope-fields.js';
import type { BusPassages } from './bus-passages.js';
import { MAX_PATH } from './identities.js';
import { maxSizeOf, type OutgoingEvent, OutgoingMessage } from './outgoing-message.js';
import type { Sender } from './sender.js';
import { bundleSubject, subjectOf } from './subjects.js';

export interface OutgoingSettings {
  readonly name: string;
  readonly prefix: string;
  readonly mode: 'bundle' | 'topic';
  readonly maxBundle: number;
  readonly lingerMs: number;
  readonly inFlight: number;
  /** Of a message: its data, and what its headers say of each event. */
  readonly maxBytes: number;
}

export class Outgoing {
  readonly #settings: OutgoingSettings;
  readonly #passages: BusPassages;
  readonly #sender: Sender;
  readonly #lost: (count: number, reason: string) => void;
  #open = new OutgoingMessage(true);
  #linger: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  readonly #inFlight = new Set<Promise<void>>();
  sent = 0;
  tooFar = 0;

  constructor(
    settings: OutgoingSettings,
    passages: BusPassages,
    sender: Sender,
    lost: (count: number, reason: string) => void,
  ) {
    this.#settings = settings;
    this.#passages = passages;
    this.#sender = sender;
    this.#lost = lost;
  }

  /** The handler of the subscription. */
  handle(envelope: Envelope): void | Promise<void> {
    if (envelope.topic.startsWith(RESERVED)) return undefined;
    const bytes = envelope.toBinary();
    let path = this.#passages.busId;
    let { sequence } = envelope;
    if (envelope.origin !== undefined) {
      const way = this.#passages.wayOf(
        this,
        contentKey(readEnvelopeFields(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))),
      );
      if (way !== undefined) {
        if (way.path.length >= MAX_PATH) {
          this.tooFar++;
          return undefined;
        }
        path = `${way.path.join('>')}>${path}`;
        sequence = way.sequence;
      }
    }
    const { sequence: ownSequence, traceparent, lagged } = envelope;
    const event: OutgoingEvent = { bytes, path, sequence, ownSequence, traceparent, lagged };
    if (maxSizeOf(event) > this.#settings.maxBytes) {
      this.#lost(1, `an event of ${bytes.length} bytes is larger than the server takes`);
      return undefined;
    }
    if (lagged > 0) this.#lost(lagged, 'the ring overtook the bridge');
    return this.#settings.mode === 'bundle' ? this.#bundle(event) : this.#single(envelope.topic, event);
  }

  /** Resolves when everything that was handled is stored, or given up. */
  async flush(): Promise<void> {
    // Behind the bundle that is on its way there may be another.
    for (this.#startSending(); this.#sending !== undefined; ) await this.#sending;
    await Promise.all(this.#inFlight);
  }

  #bundle(event: OutgoingEvent): void | Promise<void> {
    const { maxBundle, maxBytes, lingerMs } = this.#settings;
    const open = this.#open;
    if (open.count > 0 && (open.count >= maxBundle || open.sizeBytes + maxSizeOf(event) > maxBytes)) {
      this.#startSending();
      // The open one is taken at once, or when the one before it is stored.
      if (this.#open === open) return this.#sending!.then(() => this.#bundle(event));
    }
    this.#open.add(event);
    if (this.#sending === undefined && this.#linger === undefined)
      this.#linger = setTimeout(() => this.#startSending(), lingerMs);
    return undefined;
  }

  /** Sends the open bundle, unless one is on its way. */
  #startSending(): void {
    clearTimeout(this.#linger);
    this.#linger = undefined;
    if (this.#sending !== undefined || this.#open.count === 0) return;
    const bundle = this.#open;
    this.#open = new OutgoingMessage(true);
    const { busId } = this.#passages;
    const { name, prefix } = this.#settings;
    // Another bridge of this bus may have a bundle that begins with the same event.
    const id = `${busId}:${name}:${bundle.firstSequence}`;
    this.#sending = this.#send(bundleSubject(prefix, busId), id, bundle).then(() => {
      this.#sending = undefined;
      this.#startSending();
    });
  }

  #single(topic: string, event: OutgoingEvent): void | Promise<void> {
    const message = new OutgoingMessage(false);
    message.add(event);
    const id = `${this.#passages.busId}:${event.ownSequence}`;
    const sent = this.#send(subjectOf(this.#settings.prefix, topic), id, message);
    this.#inFlight.add(sent);
    void sent.then(() => this.#inFlight.delete(sent));
    return this.#inFlight.size < this.#settings.inFlight ? undefined : Promise.race(this.#inFlight);
  }

  /** Never rejects. */
  async #send(subject: string, id: string, message: OutgoingMessage): Promise<void> {
    this.sent += message.count;
    try {
      await this.#sender.send(subject, id, message);
    } catch (error) {
      this.#lost(message.count, (error as Error).message);
    }
  }
}
