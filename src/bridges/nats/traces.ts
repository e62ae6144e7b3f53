/**
 * The traces that the events of a message belong to. A message of one envelope says so in the header `traceparent`, as W3C
 * Trace Context and OpenTelemetry have it. A bundle says so in `Ringcast-Traces`, by the places of its events:
 *
 *     3*10 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01,20*1 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
 *
 * The events 3 to 12 of the bundle belong to the first, event 20 to the second, the others to none.
 */
import { traceparentOrNone } from '../../ring/traceparent.js';

export const TRACES_HEADER = 'Ringcast-Traces';
export const TRACEPARENT_HEADER = 'traceparent';

/** Of what one more event adds at most. */
export const MAX_TRACE_CHARACTERS = 72;

/** Writes traces, those of events that follow each other as one. */
export class TraceWriter {
  #text = '';
  #traceparent: string | undefined;
  #first = 0;
  #count = 0;

  /** The next event belongs to `traceparent`; undefined: to none. */
  add(traceparent: string | undefined): void {
    if (traceparent !== this.#traceparent) {
      this.#text = this.toString();
      this.#first += this.#count;
      this.#count = 0;
      this.#traceparent = traceparent;
    }
    this.#count++;
  }

  /** At least the length of what `toString` returns. */
  get length(): number {
    return this.#text.length + MAX_TRACE_CHARACTERS;
  }

  /** What was added so far. */
  toString(): string {
    if (this.#traceparent === undefined) return this.#text;
    return `${this.#text}${this.#text === '' ? '' : ','}${this.#first}*${this.#count} ${this.#traceparent}`;
  }
}

/** The traceparent of each of `count` events of a bundle. */
export function readTraces(header: string, count: number): (string | undefined)[] {
  const traceparents = new Array<string | undefined>(count).fill(undefined);
  for (const run of header === '' ? [] : header.split(',')) {
    const [, first, events, text = ''] = /^(\d{1,5})\*(\d{1,5}) (.*)$/.exec(run) ?? [];
    const traceparent = traceparentOrNone(text);
    if (traceparent !== undefined) traceparents.fill(traceparent, Number(first), Number(first) + Number(events));
  }
  return traceparents;
}
