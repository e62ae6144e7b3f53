/**
 * The model: a bus is a list of accepted events, and each subscription is owed what its filter selects of a part of it.
 *
 * An event's place in the list is its sequence. Events that nobody wanted have none (unless they are kept), nor have those
 * that were refused. What a getter publishes while its event is encoded comes behind that event if it is accepted; so
 * places are given when the outermost event is done.
 */
import type { Account } from './account.js';
import type { Known } from './events.js';

/** An event in the list. */
export interface Entry extends Known {
  /** Of a dead letter: the subscription whose thread died, which does not get it. */
  readonly causedBy?: string;
}

/** An event whose publication has begun. */
export interface Draft {
  readonly entry: Entry;
}

/** Where a subscription begins or ends that was made or told to end just now. */
export interface Place {
  /** The sequence of what is accepted next, apart from what was being encoded. */
  readonly next: number;
  /** Sequences of the events that were being encoded, where they were accepted: after, though they stand before. */
  readonly inFlight: readonly number[];
}

interface Mark {
  readonly placed: (place: Place) => void;
  readonly inFlight: readonly Draft[];
}

export class Reference {
  readonly log: Entry[] = [];
  readonly accounts: Account[] = [];
  published = 0;
  unwanted = 0;
  refused = 0;
  /** Events being encoded, the outermost first. */
  readonly #open: Draft[] = [];
  /** Since the outermost one began, in order. */
  readonly #behind: (Draft | Mark)[] = [];
  readonly #dropped = new Set<Draft>();

  /** True in the user code that runs while an event is encoded. */
  get encoding(): boolean {
    return this.#open.length > 0;
  }

  begin(entry: Entry): Draft {
    const draft: Draft = { entry };
    this.#open.push(draft);
    this.#behind.push(draft);
    return draft;
  }

  /** The call that began last has returned. */
  end(draft: Draft, takesPlace: boolean): void {
    this.#open.splice(this.#open.indexOf(draft), 1);
    if (!takesPlace) this.#dropped.add(draft);
    if (this.#open.length === 0) this.#place();
  }

  /** An event that the bus itself has published. */
  add(entry: Entry): void {
    this.end(this.begin(entry), true);
  }

  /** Calls back when the place of what is accepted next is known. */
  mark(placed: (place: Place) => void): void {
    if (this.encoding) this.#behind.push({ placed, inFlight: [...this.#open] });
    else placed({ next: this.log.length, inFlight: [] });
  }

  /** Whether some subscription that has not been stopped wants such events; whether any that has not ended does. */
  wanted(topic: string, origin: string | undefined): { readonly surely: boolean; readonly perhaps: boolean } {
    const wanting = this.accounts.filter((account) => !account.over && account.wants(topic, origin));
    return { surely: wanting.some((account) => account.isActive), perhaps: wanting.length > 0 };
  }

  #place(): void {
    const sequences = new Map<Draft, number>();
    for (const one of this.#behind.splice(0)) {
      if ('entry' in one) {
        if (!this.#dropped.has(one)) sequences.set(one, this.log.push(one.entry) - 1);
      } else {
        const inFlight = one.inFlight.map((draft) => sequences.get(draft)).filter((sequence) => sequence !== undefined);
        one.placed({ next: this.log.length, inFlight });
      }
    }
    this.#dropped.clear();
  }
}
