/** Messages of the stream on their way to the bus. */
import { sleep } from '../../host/timing.js';
import { BusError, type FilterInput, QueueFullError } from '../../index.js';
import { showThrown } from '../../shown.js';
import { compileFilter } from '../../topic/filter.js';
import type { BridgedBus } from '../bridge-life.js';
import { contentKey, readEnvelopeFields } from '../envelope-fields.js';
import type { BusPassages } from './bus-passages.js';
import type { JetStream, JetStreamAdmin, JetStreamMessage, Messages } from './jetstream-package.js';
import { type NatsFrom, startAt, startAtSequence } from './positions.js';
import { eventsOf, laggedBefore, type ReceivedEvent } from './received-message.js';

const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 1_000;
/** Messages that the server may send ahead. */
const AHEAD_MESSAGES = 256;
/** Topics whose match is remembered. */
const MAX_TOPICS = 4_096;

export interface IncomingSettings {
  readonly stream: string;
  readonly prefix: string;
  readonly filter: FilterInput | undefined;
  readonly from: NatsFrom;
  readonly durable: string | undefined;
  readonly origin: string;
}

/** What reading a stream needs of its bridge. */
export interface IncomingHost {
  readonly closed: boolean;
  connected(): void;
  disconnected(error: Error): void;
  gap(count: number | undefined, reason: string): void;
}

export class Incoming {
  readonly #bus: BridgedBus;
  readonly #settings: IncomingSettings;
  readonly #passages: BusPassages;
  /** What sends for the same bridge, if anything does. */
  readonly #sender: object;
  readonly #host: IncomingHost;
  /** Undefined: all topics are wanted. */
  readonly #matches: ((topic: string) => boolean) | undefined;
  #messages: Messages | undefined;
  /** In the stream, of the last message that is on the bus; 0: none. */
  lastSequence = 0;
  /** The lowest sequence that is still to come; undefined: not known. */
  #next: number | undefined;
  received = 0;
  own = 0;
  repeated = 0;
  refused = 0;

  constructor(bus: BridgedBus, settings: IncomingSettings, passages: BusPassages, sender: object, host: IncomingHost) {
    this.#bus = bus;
    this.#settings = settings;
    this.#passages = passages;
    this.#sender = sender;
    this.#host = host;
    this.#matches = settings.filter === undefined ? undefined : matcherOf(settings.filter);
  }

  /** Reads until the bridge is closed. Never rejects. */
  async run(jetstream: JetStream, admin: JetStreamAdmin): Promise<void> {
    for (let backoffMs = MIN_BACKOFF_MS; !this.#host.closed; backoffMs = Math.min(2 * backoffMs, MAX_BACKOFF_MS)) {
      const before = this.received;
      try {
        await this.#read(jetstream, admin);
      } catch (error) {
        if (this.#host.closed) return;
        this.#host.disconnected(error as Error);
      }
      if (this.received > before) backoffMs = MIN_BACKOFF_MS;
      if (!this.#host.closed) await sleep(backoffMs);
    }
  }

  async stop(): Promise<void> {
    await this.#messages?.close();
  }

  /** Tells of what the stream no longer had when it was to be read: after the server was away, or we were. */
  async checkTrimmed(admin: JetStreamAdmin): Promise<void> {
    const { first_seq, last_seq } = (await admin.streams.info(this.#settings.stream)).state;
    if (this.#next === undefined) return;
    if (last_seq + 1 < this.#next) {
      this.#host.gap(undefined, `the stream ${this.#settings.stream} was made anew`);
      this.#next = 1;
    } else if (first_seq > this.#next) {
      this.#host.gap(
        undefined,
        `the stream ${this.#settings.stream} has dropped ${first_seq - this.#next} messages unread`,
      );
      this.#next = first_seq;
    }
  }

  async #read(jetstream: JetStream, admin: JetStreamAdmin): Promise<void> {
    const { stream, durable } = this.#settings;
    await this.checkTrimmed(admin);
    const consumer = await jetstream.consumers.get(stream, durable ?? (await this.#ordered(admin)));
    const messages = await consumer.consume({ max_messages: AHEAD_MESSAGES });
    this.#messages = messages;
    if (this.#host.closed) await messages.close();
    this.#host.connected();
    for await (const message of messages) {
      if (this.#host.closed) return;
      await this.#take(message);
      if (durable !== undefined) message.ack();
    }
  }

  async #ordered(admin: JetStreamAdmin): Promise<Record<string, unknown>> {
    const { stream, prefix, from } = this.#settings;
    const start =
      this.#next === undefined ? startAt(from, (await admin.streams.info(stream)).state) : startAtSequence(this.#next);
    // Known before the first message: what is stored while the server is away is not missed.
    if (typeof start.opt_start_seq === 'number') this.#next = start.opt_start_seq;
    await this.checkTrimmed(admin);
    return { filter_subjects: `${prefix}.>`, ...start };
  }

  /** Resolves when the bus has what is new to it of a message. */
  async #take(message: JetStreamMessage): Promise<void> {
    const events = eventsOf(this.#settings.prefix, message);
    if (typeof events === 'string') this.#refuse(`message ${message.seq} of the stream: ${events}`);
    else {
      const lagged = laggedBefore(message);
      // What this bus lost on the way out was told then.
      if (lagged > 0 && events[0]?.identity?.path.at(-1) !== this.#passages.busId)
        this.#host.gap(lagged, 'the sender lost them before they were sent');
      for (const event of events) {
        const waits = this.#put(event);
        if (waits !== undefined) await waits;
      }
    }
    this.lastSequence = message.seq;
    this.#next = message.seq + 1;
  }

  /** Puts an event on the bus, unless the bus has it. Returns a promise only when there is something to wait for. */
  #put({ envelope, identity }: ReceivedEvent): Promise<void> | undefined {
    try {
      if (this.#matches !== undefined && !this.#matches(topicOf(envelope))) return undefined;
      if (identity !== undefined) {
        if (identity.path.includes(this.#passages.busId)) {
          this.own++;
          return undefined;
        }
        if (!this.#passages.isNew(identity)) {
          this.repeated++;
          return undefined;
        }
        this.#passages.cameBy(this.#sender, () => contentKey(readEnvelopeFields(envelope)), identity);
      }
      return this.#forward(envelope);
    } catch (error) {
      return this.#faulty(error);
    }
  }

  #forward(envelope: Buffer): Promise<void> | undefined {
    try {
      const accepted = this.#bus.forward(envelope, { origin: this.#settings.origin });
      this.received++;
      return accepted ? undefined : this.#bus.writable();
    } catch (error) {
      if (!(error instanceof QueueFullError)) return this.#faulty(error);
      return this.#bus.writable().then(() => this.#forward(envelope));
    }
  }

  /** An event that the bus does not take is told of and passed over; what else goes wrong ends the reading. */
  #faulty(error: unknown): undefined {
    if (!(error instanceof BusError) || error.code === 'BUS_CLOSED') throw error;
    this.#refuse(showThrown(error));
    return undefined;
  }

  #refuse(reason: string): void {
    this.refused++;
    this.#host.gap(1, reason);
  }
}

function topicOf(envelope: Buffer): string {
  return readEnvelopeFields(envelope).topic.toString('latin1');
}

/** Whether a filter may want an event of a topic: what depends on more than the topic is left to subscribers. */
function matcherOf(filter: FilterInput): (topic: string) => boolean {
  const compiled = compileFilter(filter);
  const known = new Map<string, boolean>();
  return (topic) => {
    let matches = known.get(topic);
    if (matches === undefined) {
      matches = compiled.forTopic(topic) !== false;
      if (known.size >= MAX_TOPICS) known.clear();
      known.set(topic, matches);
    }
    return matches;
  };
}
