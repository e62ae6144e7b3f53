/** Messages of the stream on their way to the bus. */

import { readEnd } from '../../envelope/codec-runtime.js';
import { monotonicMs, sleep } from '../../host/timing.js';
import { BusError, type FilterInput } from '../../index.js';
import { showThrown } from '../../shown.js';
import type { BridgedBus } from '../bridge-life.js';
import { contentKey, readEnvelopeFields } from '../envelope-fields.js';
import { varint } from '../wire-fields.js';
import type { BusPassages } from './bus-passages.js';
import type { EventIdentity } from './identities.js';
import type { JetStream, JetStreamAdmin, JetStreamMessage, Messages } from './jetstream-package.js';
import { ACK_WAIT_MS, type NatsFrom, startAt, startAtSequence } from './positions.js';
import { laggedBefore, ownCount, type ReceivedMessage, readMessage } from './received-message.js';
import { bundleSubject } from './subjects.js';
import { matcherOf } from './topic-matcher.js';

const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 1_000;
/** Messages that the server may send ahead. */
const AHEAD_MESSAGES = 256;

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
  readonly #ownSubject: string;
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
    this.#ownSubject = bundleSubject(settings.prefix, passages.busId);
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
    if (durable !== undefined) await this.#awaitUnacked(admin, durable);
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

  /**
   * What was sent to a reader that is gone comes again when its time is over, and before everything else: until then
   * younger messages would overtake it.
   */
  async #awaitUnacked(admin: JetStreamAdmin, durable: string): Promise<void> {
    const { num_ack_pending: unacked } = await admin.consumers.info(this.#settings.stream, durable);
    const endMs = monotonicMs() + (unacked > 0 ? ACK_WAIT_MS : 0);
    while (!this.#host.closed && monotonicMs() < endMs) await sleep(50);
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
    if (message.subject === this.#ownSubject) this.own += ownCount(message);
    else {
      const received = readMessage(this.#settings.prefix, message);
      if (typeof received === 'string') this.#refuse(`message ${message.seq} of the stream: ${received}`);
      else {
        this.#tellLagged(message, received);
        await this.#putNew(received);
      }
    }
    this.lastSequence = message.seq;
    this.#next = message.seq + 1;
  }

  #tellLagged(message: JetStreamMessage, { identities }: ReceivedMessage): void {
    const lagged = laggedBefore(message);
    // What this bus lost on the way out was told then.
    if (lagged > 0 && identities?.[0]?.path.at(-1) !== this.#passages.busId)
      this.#host.gap(lagged, 'the sender lost them before they were sent');
  }

  /** Puts those events on the bus that it has not had, as many at once as follow each other in one trace. */
  async #putNew(received: ReceivedMessage): Promise<void> {
    const { data, isSingle, ends, traceparents } = received;
    const isNew = this.#newOf(received);
    for (let index = 0; index < ends.length; index++) {
      if (!isNew[index]) continue;
      const first = index;
      const from = first === 0 ? 0 : ends[first - 1]!;
      const traceparent = traceparents[first];
      while (isNew[index + 1] && traceparents[index + 1] === traceparent) index++;
      const run = data.subarray(from, ends[index]!);
      await this.#forwardRun(isSingle ? withLength(run) : run, index - first + 1, traceparent);
    }
  }

  /** Of each envelope, whether it is wanted and new. Marks those as seen. */
  #newOf({ data, starts, ends, identities }: ReceivedMessage): boolean[] {
    const wanted = ends.map((end, index) => this.#wants(data.subarray(starts[index]!, end)));
    if (identities === undefined) return wanted;
    const sendsOn = this.#passages.sendsOn(this.#sender);
    let index = 0;
    for (const { path, first, count } of identities) {
      const isOwn = path.includes(this.#passages.busId);
      const seen = this.#passages.seenOf(path[0]!);
      for (let sequence = first; sequence < first + count; sequence++, index++) {
        if (!wanted[index]) continue;
        wanted[index] = !isOwn && seen.add(sequence);
        if (isOwn) this.own++;
        else if (!wanted[index]) this.repeated++;
        else if (sendsOn) this.#remember(data.subarray(starts[index]!, ends[index]!), { path, sequence });
      }
    }
    return wanted;
  }

  #wants(envelope: Buffer): boolean {
    if (this.#matches === undefined) return true;
    try {
      return this.#matches(readEnvelopeFields(envelope).topic.toString('latin1'));
    } catch {
      // It is no envelope, which the bus says.
      return true;
    }
  }

  #remember(envelope: Buffer, identity: EventIdentity): void {
    try {
      this.#passages.cameBy(contentKey(readEnvelopeFields(envelope)), identity);
    } catch {
      // As above.
    }
  }

  /** Puts whole envelopes on the bus, each after its length; those that it does not take are told of and passed over. */
  async #forwardRun(run: Buffer, count: number, traceparent: string | undefined): Promise<void> {
    const options = { origin: this.#settings.origin, traceparent };
    let accepted = count;
    for (let rest = run; rest.length > 0; ) {
      let consumed: number;
      try {
        consumed = this.#bus.forwardAll(rest, options);
      } catch (error) {
        if (!(error instanceof BusError) || error.consumedBytes === undefined) throw error;
        this.#refuse(showThrown(error));
        // The one that is at fault begins behind what was forwarded.
        rest = rest.subarray(readEnd(rest, error.consumedBytes, rest.length));
        accepted--;
        continue;
      }
      rest = rest.subarray(consumed);
      if (rest.length > 0) await this.#bus.writable();
    }
    this.received += accepted;
  }

  #refuse(reason: string): void {
    this.refused++;
    this.#host.gap(1, reason);
  }
}

function withLength(envelope: Buffer): Buffer {
  return Buffer.concat([varint(envelope.length), envelope]);
}
