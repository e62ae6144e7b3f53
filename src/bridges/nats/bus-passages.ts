/**
 * What the NATS bridges of one bus share: its id, which events it has had, and how those came that leave it again by
 * another bridge. A record in the ring has no room for that, so it is remembered by the content of the event.
 */
import { randomBytes } from 'node:crypto';
import { InvalidOptionError } from '../../index.js';
import { RecentEvents } from '../recent-events.js';
import type { EventIdentity } from './identities.js';
import { SequenceWindow } from './sequence-window.js';

/** Buses whose sequences are remembered, those last heard of. */
const MAX_BUSES = 64;
const REMEMBER_MS = 60_000;
const REMEMBER_EVENTS = 131_072;

/** The ways of events with the same content, mostly one, in their order; and how many of them each bridge has sent on. */
interface Ways {
  readonly identities: EventIdentity[];
  readonly taken: Map<object, number>;
}

export class BusPassages {
  readonly #busId: string;
  readonly #seen = new Map<string, SequenceWindow>();
  readonly #ways = new RecentEvents<Ways>(REMEMBER_MS, REMEMBER_EVENTS);
  /** Bridges that send. */
  readonly senders = new Set<object>();

  private constructor(busId: string) {
    this.#busId = busId;
  }

  static #byBus = new WeakMap<object, BusPassages>();

  /** @throws {InvalidOptionError} `BUS_INVALID_OPTION` when the bus has another id already */
  static of(bus: object, id: string | undefined): BusPassages {
    const known = BusPassages.#byBus.get(bus);
    if (known === undefined) {
      const made = new BusPassages(id ?? randomBytes(9).toString('base64url'));
      BusPassages.#byBus.set(bus, made);
      return made;
    }
    if (id !== undefined && id !== known.busId)
      throw new InvalidOptionError('id', id, `${known.busId}, which other bridges of the bus have`);
    return known;
  }

  get busId(): string {
    return this.#busId;
  }

  /** What the bus has had of the events that began on another bus. */
  seenOf(first: string): SequenceWindow {
    const window = this.#seen.get(first) ?? new SequenceWindow();
    // The last of the map are those last heard of.
    this.#seen.delete(first);
    this.#seen.set(first, window);
    if (this.#seen.size > MAX_BUSES) this.#seen.delete(this.#seen.keys().next().value!);
    return window;
  }

  /** Whether another bridge than `receiver` may send on what came in. */
  sendsOn(receiver: object): boolean {
    return this.senders.size > (this.senders.has(receiver) ? 1 : 0);
  }

  /** Remembers how an event came. */
  cameBy(content: string, identity: EventIdentity): void {
    const ways: Ways = this.#ways.get(content) ?? { identities: [], taken: new Map() };
    ways.identities.push(identity);
    this.#ways.set(content, ways);
  }

  /** How an event came that `sender` is to send on; undefined where that is not known. */
  wayOf(sender: object, key: string): EventIdentity | undefined {
    const ways = this.#ways.get(key);
    if (ways === undefined) return undefined;
    const taken = ways.taken.get(sender) ?? 0;
    ways.taken.set(sender, taken + 1);
    return ways.identities[Math.min(taken, ways.identities.length - 1)];
  }
}
