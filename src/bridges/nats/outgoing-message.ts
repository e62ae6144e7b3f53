/** A message on its way out: one envelope, or a bundle of them, each after its length as a varint. Its headers say the rest. */
import { EVENTS_HEADER, IdentityWriter, LAGGED_HEADER } from './identities.js';
import { MAX_TRACE_CHARACTERS, TRACEPARENT_HEADER, TRACES_HEADER, TraceWriter } from './traces.js';

/** Of the length of an envelope. */
const MAX_LENGTH_BYTES = 5;
/** What a run of an event's own adds to the headers, beside its path. */
const MAX_RUN_BYTES = 32 + MAX_TRACE_CHARACTERS;

/** An event on its way out. */
export interface OutgoingEvent {
  readonly bytes: Uint8Array;
  /** Ids of the buses that it has passed, the one first that it began on, joined by `>`. */
  readonly path: string;
  /** On the bus that it began on. */
  readonly sequence: number;
  /** On the bus of the bridge. */
  readonly ownSequence: number;
  readonly traceparent: string | undefined;
  /** Events that were lost before it. */
  readonly lagged: number;
}

/** What an event may add to a message at most, headers included. */
export function maxSizeOf({ bytes, path }: OutgoingEvent): number {
  return bytes.length + MAX_LENGTH_BYTES + path.length + MAX_RUN_BYTES;
}

export class OutgoingMessage {
  readonly #isBundle: boolean;
  readonly #identities = new IdentityWriter();
  readonly #traces = new TraceWriter();
  #traceparent: string | undefined;
  #bytes: Buffer = Buffer.alloc(0);
  #firstStart = 0;
  /** The sequence on its own bus of the first event. */
  firstSequence = -1;
  count = 0;
  #dataBytes = 0;
  /** Events that were lost before the first one. */
  #lagged = 0;

  /** @param isBundle false: it holds one envelope, without its length */
  constructor(isBundle: boolean) {
    this.#isBundle = isBundle;
  }

  /** At least the size of the data and of what the headers say of each event. */
  get sizeBytes(): number {
    return this.#dataBytes + this.#identities.length + this.#traces.length;
  }

  add({ bytes: envelope, path, sequence, ownSequence, traceparent, lagged }: OutgoingEvent): void {
    const bytes = this.#withRoom(envelope.length + MAX_LENGTH_BYTES);
    let at = this.#dataBytes;
    let length = envelope.length;
    for (; length > 127; length >>>= 7) bytes[at++] = (length & 127) | 128;
    bytes[at++] = length;
    bytes.set(envelope, at);
    if (this.count === 0) {
      this.firstSequence = ownSequence;
      this.#firstStart = at;
    }
    this.#dataBytes = at + envelope.length;
    this.#identities.add(path, sequence);
    this.#traces.add(traceparent);
    this.#traceparent = traceparent;
    this.count++;
    this.#lagged += lagged;
  }

  data(): Buffer {
    return this.#bytes.subarray(this.#isBundle ? 0 : this.#firstStart, this.#dataBytes);
  }

  /** Names and values. */
  headers(): [string, string][] {
    const headers: [string, string][] = [[EVENTS_HEADER, `${this.#identities}`]];
    if (this.#lagged > 0) headers.push([LAGGED_HEADER, `${this.#lagged}`]);
    if (!this.#isBundle && this.#traceparent !== undefined) headers.push([TRACEPARENT_HEADER, this.#traceparent]);
    const traces = this.#isBundle ? `${this.#traces}` : '';
    if (traces !== '') headers.push([TRACES_HEADER, traces]);
    return headers;
  }

  #withRoom(size: number): Buffer {
    const needed = this.#dataBytes + size;
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(this.count === 0 ? needed : 2 * needed);
      this.#bytes.copy(larger, 0, 0, this.#dataBytes);
      this.#bytes = larger;
    }
    return this.#bytes;
  }
}
