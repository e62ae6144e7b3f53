/** Publishes in every way, and holds what each call returned or threw against what the verbs promise. */
import type { Bus, BusStats } from '../../src/index.js';
import {
  BLOCK,
  ELSEWHERE,
  exitStatusOf,
  extensionOf,
  makeEnvelope,
  makeEvent,
  originOf,
  recordBytesOf,
  type Shape,
} from './events.js';
import type { Entry, Reference } from './reference.js';
import { faultOf, SYNC_TIMEOUT_MS } from './refused-calls.js';
import type { Action, Running, Sending, Verb } from './script.js';
import { ONE_OFF, TOPICS } from './topics.js';

/** What a call came to: what it returned, or the code of what it threw. */
type Outcome = { readonly returned: boolean | undefined } | { readonly code: string };

export interface SenderEvents {
  /** Something that must not be. */
  fault(text: string): void;
  /** Does what is to be done while an event is encoded; a returned error is thrown there. */
  inside(actions: readonly Action[]): Error | undefined;
}

export class Sender {
  readonly #bus: Bus;
  readonly #reference: Reference;
  readonly #limits: { readonly maxPendingBytes: number; readonly keepUnwanted: boolean };
  readonly #events: SenderEvents;
  #nextId = 0;
  /** Events that were queued, each of which `drain` has to follow. */
  queued = 0;
  /** From the call of `close` or `destroy` on. */
  closed = false;

  constructor(
    bus: Bus,
    reference: Reference,
    limits: { readonly maxPendingBytes: number; readonly keepUnwanted: boolean },
    events: SenderEvents,
  ) {
    this.#bus = bus;
    this.#reference = reference;
    this.#limits = limits;
    this.#events = events;
  }

  get sent(): number {
    return this.#nextId;
  }

  /** Sends one event. Returns what the verb returned, or true. */
  send({ verb, topic: which, shape, size, namespace = 'default', inside, byToJson }: Sending): boolean {
    const id = this.#nextId++;
    const topic = TOPICS[which] ?? `${ONE_OFF}${id}`;
    const recordBytes = recordBytesOf(size);
    if (verb === 'forward') {
      const entry = { id, topic, namespace: ELSEWHERE, exitStatus: undefined, recordBytes };
      const bytes = makeEnvelope(id, topic, size, id % 3 !== 0);
      return this.#call(verb, entry, false, () => this.#bus.forward(bytes, extensionOf(id)));
    }
    const entry = { id, topic, namespace, exitStatus: exitStatusOf(id, shape), recordBytes };
    const event = this.#eventOf(id, shape, size, inside, byToJson);
    const throws = inside.some(({ do: what }) => what === 'throw');
    const options = { ...extensionOf(id), ...(namespace === 'default' ? {} : { namespace }) };
    return this.#call(verb, entry, throws, () => {
      if (verb === 'publish') return this.#bus.publish(topic, event, options);
      if (verb === 'tryPublish') return this.#bus.tryPublish(topic, event, options);
      this.#bus.publishSync(topic, event, { ...options, timeoutMs: SYNC_TIMEOUT_MS });
      return undefined;
    });
  }

  /**
   * Forwards some envelopes in one call: those before the one that finds no room, and nothing else.
   *
   * @returns whether it took all of them
   */
  forwardAll({ topic: which, size, length }: Running): boolean {
    // Of one block: they have an extension in common, so that either all of them are wanted or none.
    const first = Math.ceil(this.#nextId / BLOCK) * BLOCK;
    this.#nextId = first + length;
    const topic = TOPICS[which] ?? `${ONE_OFF}${first}`;
    const envelopes = Array.from({ length }, (_, i) => makeEnvelope(first + i, topic, size, i % 3 !== 0));
    const runs = envelopes.map(lengthDelimited);
    const bus = this.#bus;
    const reference = this.#reference;
    const before = bus.stats();
    const wanted = reference.wanted(topic, originOf(first));
    const say = (text: string): void =>
      this.#events.fault(`forwardAll of ${length} from ${first} on ${topic}: ${text}`);
    let left = 0;
    try {
      left = bus.forwardAll(Buffer.concat(runs), extensionOf(first));
    } catch (error) {
      const { code } = error as { code?: string };
      if (!(this.closed && code === 'BUS_CLOSED')) say(`${code}`);
    }
    let taken = 0;
    while (taken < length && left > 0) left -= runs[taken++]!.length;
    if (left !== 0) say(`it ended within an envelope`);
    const after = bus.stats();
    const unwanted = after.unwanted - before.unwanted;
    if (after.published - before.published !== taken || after.refused !== before.refused)
      say(`${taken} were not counted`);
    if (unwanted !== 0 && unwanted !== taken) say(`${unwanted} of ${taken} were unwanted`);
    if (unwanted > 0 && (wanted.surely || this.#limits.keepUnwanted)) say('was not written, but is wanted');
    const waits = after.pending.events > 0 || reference.encoding;
    if (waits && taken > unwanted) say('overtook what waits');
    if (!waits && !this.closed && taken < length && !this.#isFull(after, recordBytesOf(size)))
      say(`stopped at ${taken} with room in the ring`);
    reference.published = after.published;
    reference.unwanted = after.unwanted;
    const namespace = ELSEWHERE;
    for (let i = 0; unwanted === 0 && i < taken; i++)
      reference.add({ id: first + i, topic, namespace, exitStatus: undefined, recordBytes: recordBytesOf(size) });
    if (!reference.encoding) this.checkPlaces(after, say);
    return taken === length;
  }

  /** Puts an envelope that was received on the bus once more. */
  forward(envelope: { toBinary(): Uint8Array }, entry: Entry): void {
    this.#call('forward', entry, false, () => this.#bus.forward(envelope, extensionOf(entry.id)));
  }

  #eventOf(id: number, shape: Shape, size: number, inside: readonly Action[], byToJson: boolean): object {
    const event = makeEvent(id, shape, size);
    if (inside.length === 0) return event;
    let done = false;
    // An event that did not fit is encoded again.
    const once = (): void => {
      if (done) return;
      done = true;
      const error = this.#events.inside(inside);
      if (error !== undefined) throw error;
    };
    if (!byToJson) return Object.defineProperty(event, 'text', { enumerable: true, get: both(once, event) });
    const toJSON = (): object => {
      once();
      return event;
    };
    return { toJSON };
  }

  #call(verb: Verb, entry: Entry, throws: boolean, call: () => boolean | undefined): boolean {
    const bus = this.#bus;
    const reference = this.#reference;
    const nested = reference.encoding;
    const { recordBytes } = entry;
    const before = bus.stats();
    const wanted = reference.wanted(entry.topic, originOf(entry.id));
    const startMs = performance.now();
    const draft = reference.begin(entry);
    let outcome: Outcome;
    try {
      outcome = { returned: call() };
    } catch (error) {
      outcome = { code: (error as { code?: string }).code ?? String(error) };
    }
    const tookMs = performance.now() - startMs;
    const after = bus.stats();
    // What was counted for this call alone: for those inside it, that has been done.
    const counted = {
      published: after.published - reference.published,
      unwanted: after.unwanted - reference.unwanted,
      refused: after.refused - reference.refused,
    };
    reference.published = after.published;
    reference.unwanted = after.unwanted;
    reference.refused = after.refused;
    const written = counted.published - counted.unwanted;
    const innermost = reference.log.length;
    reference.end(draft, written === 1);
    const quiet = !nested && reference.log.length - innermost === written;

    const say = (text: string): void => this.#events.fault(`${verb} of ${entry.id} on ${entry.topic}: ${text}`);
    const told = JSON.stringify({ ...outcome, ...counted });
    const refused = 'code' in outcome || outcome.returned === false;
    if (refused && counted.published === 1) this.queued++;
    if ('code' in outcome) {
      if (written !== 0 || counted.published !== 0 || counted.refused !== 0) say(`threw and was counted: ${told}`);
      const { closed } = this;
      const { maxPendingBytes } = this.#limits;
      const circumstances = { nested, throws, recordBytes, tookMs, after, closed, maxPendingBytes };
      const why = faultOf(verb, outcome.code, circumstances, reference.accounts);
      if (why !== undefined) say(`${outcome.code}: ${why}`);
      return !refused;
    }
    if (verb === 'tryPublish' && refused) {
      if (counted.refused !== 1 || counted.published !== 0) say(`was refused, but counted as ${told}`);
      if (quiet && !this.#isFull(after, recordBytes) && before.pending.events === 0)
        say(`was refused with room in the ring`);
      return false;
    }
    if (counted.published !== 1 || counted.refused !== 0) say(`was accepted, but counted as ${told}`);
    if (counted.unwanted === 1 && (wanted.surely || this.#limits.keepUnwanted)) say('was not written, but is wanted');
    if (written === 1 && !wanted.perhaps && !this.#limits.keepUnwanted) say('was written, but nobody wants it');
    if (written === 1 && nested && !refused) say('did not queue behind the event around it');
    if (written === 1 && quiet && !refused && verb !== 'publishSync' && before.pending.events > 0)
      say('overtook the queue');
    if (written === 1 && quiet && !refused && after.pending.events > 0)
      say('is said to be written, but something waits');
    if (!nested) this.checkPlaces(after, say);
    return !refused;
  }

  /** The next place in the list is the sequence of the next record. */
  checkPlaces(stats: BusStats, say: (text: string) => void): void {
    const next = stats.written + stats.pending.events;
    if (next !== this.#reference.log.length)
      say(`${this.#reference.log.length} events have places, the bus has ${next}`);
    if (stats.pending.bytes > this.#limits.maxPendingBytes) say(`${stats.pending.bytes} bytes wait, more than allowed`);
  }

  /** Whether a record may have had no room, or be said to have none; threads make room at any time. */
  #isFull({ ring: { usedBytes, capacityBytes } }: BusStats, recordBytes: number): boolean {
    if (this.#reference.accounts.some(({ inThread, over }) => inThread && !over)) return true;
    return usedBytes + 2 * recordBytes > capacityBytes;
  }
}

/** An envelope as it stands in a run. */
export function lengthDelimited(bytes: Uint8Array): Buffer {
  return Buffer.concat([varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return Buffer.from([...bytes, value]);
}

/** A getter that does something and returns what the property was. */
function both(act: () => void, event: object): () => unknown {
  const { text } = event as { text?: unknown };
  return () => {
    act();
    return text;
  };
}
