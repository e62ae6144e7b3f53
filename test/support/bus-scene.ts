/** What bus tests do over and over. */
import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import type { Bus, Envelope, HandlerOptions, Subscription } from '../../src/index.js';

/** The smallest ring: laps come soon. */
export const SMALL_RING_BYTES = 64 * 1024;

/** The largest text whose event still fits a record of the smallest ring. */
export const LARGE_TEXT = 'x'.repeat(7_500);

/** An event of the tests: a number to tell it by, and text to make it as large as need be. */
export interface Numbered {
  readonly id: number;
  readonly text?: string;
}

export function idOf(envelope: Envelope): number {
  return (envelope.event as Numbered).id;
}

/** A subscription that writes down the ids of what it gets. */
export interface Recording {
  readonly subscription: Subscription;
  readonly ids: number[];
}

export function record(bus: Bus, filter: string | readonly string[], options: HandlerOptions = {}): Recording {
  const ids: number[] = [];
  const subscription = bus.subscribe(filter as string, (envelope) => void ids.push(idOf(envelope)), options);
  return { subscription, ids };
}

/** Source of what never returns, and takes no core from others: whoever waits for its thread sees no difference to a loop. */
export const FOREVER = 'for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);';

/** Something that one side opens and others wait for. */
export class Latch {
  readonly opened: Promise<void>;
  open!: () => void;

  constructor() {
    this.opened = new Promise((resolve) => {
      this.open = resolve;
    });
  }
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Between two looks of {@link until}. */
const MAX_PAUSE_MS = 100;

/** Waits until something is so. A test that waits in vain ends by its time limit. */
export async function until(holds: () => boolean): Promise<void> {
  // Some turns at full speed, then without taking a core from what is waited for, however long it takes to look. A look that
  // took long because this thread had to wait for a core says little: what lasts a while is still seen.
  for (let turns = 0; ; turns++) {
    const startMs = performance.now();
    if (holds()) return;
    const lookMs = performance.now() - startMs;
    await (turns < 50 && lookMs < 1 ? turn() : setTimeout(Math.min(Math.max(1, 8 * lookMs), MAX_PAUSE_MS)));
  }
}

/** Closes a bus once everything is delivered, however long its threads have to wait for a core. */
export async function closeDelivered(bus: Bus): Promise<void> {
  assert.deepEqual(await bus.close({ drainTimeoutMs: Number.POSITIVE_INFINITY }), { undelivered: 0 });
}

/** Numbers from 0 to `count - 1`. */
export function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** Publishes large events until one is queued behind the full ring; returns how many were accepted, that one included. */
export function fillRing(bus: Bus, topic: string, first = 0): number {
  let id = first;
  while (bus.publish(topic, { id: id++, text: LARGE_TEXT }));
  return id - first;
}

/** The error that `act` throws. */
export function thrownBy(act: () => unknown): Error & { readonly code?: string } {
  try {
    act();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

export function workerModule(name: string): URL {
  return new URL(`../fixtures/workers/${name}.js`, import.meta.url);
}

/** A module as text. */
export function inlineModule(source: string): URL {
  return new URL(`data:text/javascript,${encodeURIComponent(source)}`);
}

/** How many readers have a slot; the bus is idle. */
export function takenSlots(bus: Bus): number {
  const streams = [];
  try {
    for (;;) streams.push(bus.subscribe('/slots'));
  } catch {
    return 64 - streams.length;
  } finally {
    for (const stream of streams) void stream.stop();
  }
}
