/**
 * Who published the events of a message, and which way they have come: the header `Ringcast-Events`.
 *
 *     A 17*30,50*2;B>A 5*1
 *
 * 32 events that began on bus A, with its sequences 17 to 46, 50 and 51; then one that began on bus B, with B's sequence 5,
 * and came by A. An event is known anywhere by the bus that it began on and its sequence there.
 */

export const EVENTS_HEADER = 'Ringcast-Events';
/** Events that the sender knows it lost before the first of the message. */
export const LAGGED_HEADER = 'Ringcast-Lagged';

/** Buses that an event may pass: what has come further goes no further. */
export const MAX_PATH = 8;
/** An id of a bus. */
export const BUS_ID = /^[A-Za-z0-9_-]{1,32}$/;
/** A sequence and a count. */
const MAX_RUN_CHARACTERS = 24;
/** More events than any bundle has. */
const MAX_EVENTS = 65_536;

export interface EventIdentity {
  /** Ids of buses, the one first that the event began on. */
  readonly path: readonly string[];
  /** On that bus. */
  readonly sequence: number;
}

/** Writes identities, those that follow each other as one. */
export class IdentityWriter {
  #text = '';
  #path = '';
  #first = 0;
  #count = 0;

  add(path: string, sequence: number): void {
    if (path === this.#path && sequence === this.#first + this.#count) {
      this.#count++;
      return;
    }
    this.#flush();
    this.#text += path === this.#path ? ',' : `${this.#text === '' ? '' : ';'}${path} `;
    this.#path = path;
    this.#first = sequence;
    this.#count = 1;
  }

  /** At least the length of what `toString` returns. */
  get length(): number {
    return this.#text.length + MAX_RUN_CHARACTERS;
  }

  /** What was added so far. */
  toString(): string {
    return this.#count === 0 ? '' : `${this.#text}${this.#first}*${this.#count}`;
  }

  #flush(): void {
    this.#text = this.toString();
  }
}

/** Events that follow each other on the bus that they began on. */
export interface IdentityRun {
  readonly path: readonly string[];
  readonly first: number;
  readonly count: number;
}

/** @returns undefined where the text is none of {@link IdentityWriter} */
export function readIdentities(text: string): IdentityRun[] | undefined {
  const runs: IdentityRun[] = [];
  let events = 0;
  for (const group of text.split(';')) {
    const [way = '', list, ...rest] = group.split(' ');
    const path = way.split('>');
    if (list === undefined || rest.length > 0 || path.length > MAX_PATH || !path.every((id) => BUS_ID.test(id)))
      return undefined;
    for (const run of list.split(',')) {
      const [, first, digits] = /^(\d{1,16})\*(\d{1,5})$/.exec(run) ?? [];
      const count = Number(digits);
      events += count;
      if (first === undefined || count === 0 || events > MAX_EVENTS) return undefined;
      runs.push({ path, first: Number(first), count });
    }
  }
  return runs;
}
