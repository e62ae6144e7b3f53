/**
 * Which events the current code has in hand, across awaits and timers.
 *
 * Tells a wait that can never end from one that can: whoever has an event in hand and waits for its reader to read on.
 */
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import type { RingMemory } from '../ring/ring-memory.js';

/** Whoever deals with a reader's events: a handler, or the code that iterates over a stream. */
export interface EventHolder {
  /** The ring that the reader reads. */
  readonly ring: RingMemory;
  /** The reader's slot. */
  readonly reader: number;
  /** Position of the first event in hand, behind which the reader waits; undefined: it waits for nothing here. */
  readonly heldPosition: number | undefined;
  /** Whether it has an event in hand, though its reader may not wait for it. */
  readonly isBusy: boolean;
  /** Lets the reader, and those who wait for all of its handlers, go on without this one. */
  standAside(): void;
  /** Lets the reader go on without it up to the records from `sequence` on. */
  letPass(sequence: number): void;
}

/** A holder as async contexts know it. They may outlive it. */
export class Handling {
  #holder: EventHolder | undefined;
  /** Those whose end was asked for by the code that has the event in hand. */
  #awaited: Set<Handling> | undefined;

  constructor(holder: EventHolder) {
    this.#holder = holder;
  }

  /** Undefined when it has ended. */
  get holder(): EventHolder | undefined {
    return this.#holder;
  }

  end(): void {
    this.#holder = undefined;
    this.#awaited = undefined;
  }

  /** Another event is in hand: the code that dealt with the one before waits for nothing any more. */
  takeUp(): void {
    if (this.#awaited !== undefined) this.#awaited = undefined;
  }

  /** Its code waits for the end of `other`. */
  await(other: Handling | undefined): void {
    if (other === undefined) return;
    this.#awaited ??= new Set();
    this.#awaited.add(other);
  }

  /** Whether it ends only after `other` has dealt with the event in hand: it is the same, or waits for it. */
  waitsFor(other: Handling): boolean {
    const seen = new Set<Handling>([this]);
    for (const handling of seen) {
      if (handling === other) return true;
      if (handling.#holder?.isBusy) for (const next of handling.#awaited ?? []) seen.add(next);
    }
    return false;
  }
}

/** Several, where code that has an event in hand iterates over a stream, or over two. */
const current = new AsyncLocalStorage<readonly Handling[] | undefined>();
const NOTHING: readonly Handling[] = [];

/** On whose behalf the current code runs. */
export function currentHandlings(): readonly Handling[] {
  return current.getStore() ?? NOTHING;
}

/**
 * Lets Node follow each `await` that begins after this call. Before version 24 it follows none until a thread uses async
 * contexts. Code behind an earlier `await` then runs in one context with all such code, and would be marked together with it.
 * Call it before anybody awaits what is read with {@link enterHandling}.
 */
export function followAwaits(): void {
  // A value that nobody has set: to set the same again does nothing.
  current.run([], () => {});
}

/** Marks what the current code does from now on as done on behalf of `handling`, too. */
export function enterHandling(handling: Handling): void {
  const before = currentHandlings();
  if (before.includes(handling)) return;
  current.enterWith([...before.filter(({ holder }) => holder !== undefined), handling]);
}

/**
 * Runs what the bus does on its own behalf: a handler may have set it off by publishing, but whoever it calls, such as a
 * listener, is not that handler.
 */
export function outsideHandlers(act: () => void): void {
  if (current.getStore() === undefined) act();
  else current.run(undefined, act);
}

/** The caller's async context, marked as running on behalf of `handling` and nobody else. */
export function captureContext(handling: Handling): AsyncResource {
  return current.run([handling], () => new AsyncResource('RINGCAST_HANDLER'));
}

/** Calls `handle` on behalf of `handlings` and nobody else, in the caller's async context. */
export function callFor<E>(handlings: readonly Handling[], handle: (events: E) => unknown, events: E): unknown {
  return current.run(handlings, handle, events);
}
