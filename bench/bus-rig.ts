/** What the cases that time single calls need of a bus. */
import { type Bus, createBus } from 'ringcast';
import { NAMESPACE, TOPIC } from './corpus.js';
import { VerificationError } from './results.js';
import type { ReaderData } from './threads/ringcast-reader.js';
import { Tally } from './threads/tally.js';

/** Resolves when every subscription has settled everything that was written. */
export async function drained(bus: Bus): Promise<void> {
  while (bus.stats().ring.usedBytes > 0) await new Promise(setImmediate);
}

/** Resolves when every subscription sleeps: the other core is idle. */
export async function asleep(bus: Bus): Promise<void> {
  while (!bus.stats().subscriptions.every((subscription) => subscription.asleep)) await new Promise(setImmediate);
}

/** A bus with one subscriber, on a thread of its own, that reads topic and payload size of what `filter` selects. */
export async function busWithReader(filter = TOPIC): Promise<{
  bus: Bus;
  verify(sent: number, benchCase: string, subject: string): Promise<void>;
}> {
  const bus = createBus({ namespace: NAMESPACE });
  const data: ReaderData = { tally: new Tally(1).buffer, reader: 0, reading: 'lazy' };
  const module = new URL('./threads/ringcast-reader.js', import.meta.url);
  const subscription = bus.subscribe(filter, module, { data });
  await subscription.ready;
  return {
    bus,
    async verify(sent, benchCase, subject) {
      await drained(bus);
      // The counters of a thread are a turn of its loop old.
      for (let turns = 0; turns < 1000 && subscription.stats().delivered < sent; turns++)
        await new Promise(setImmediate);
      const { delivered, failed } = subscription.stats();
      if (delivered === sent && failed === 0) return;
      throw new VerificationError(benchCase, subject, `${delivered} events arrived of ${sent}, ${failed} failed`);
    },
  };
}
