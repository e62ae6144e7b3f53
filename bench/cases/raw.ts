/**
 * 128 bytes from one thread to another, as fast as each can: `ringcast` checks the envelopes of a run and hands them out in
 * batches, rings in other languages copy the bytes in and out and know nothing of them.
 */
import { createBus } from 'ringcast';
import { EVENT_MASK } from '../corpus.js';
import { DELIMITED_BYTES, envelopesOf128Bytes, runOf } from '../envelopes.js';
import { cRing, disruptor } from '../native-rings.js';
import { type BenchCase, inTurns, type Running, type Subject } from '../rounds.js';
import { loadStaticCodec } from '../static-codec.js';
import { readBytes } from '../threads/reading.js';
import type { ReaderData } from '../threads/ringcast-reader.js';
import { Tally } from '../threads/tally.js';
import { VerifiedSending } from '../verified-sending.js';

const CASE = 'raw/128B/1';
/** Envelopes of one run. */
const RUN = 4096;
const FIRST_ROUND_EVENTS = 20 * RUN;

async function openRingcast(): Promise<Running> {
  const codec = await loadStaticCodec();
  const envelopes = envelopesOf128Bytes(codec);
  const payloads = envelopes.map((bytes) => codec.Envelope.decode(bytes).event.value);
  const run = runOf(envelopes, RUN);
  const tally = new Tally(1);
  const bus = createBus();
  const data: ReaderData = { tally: tally.buffer, reader: 0, reading: 'bytes' };
  await bus.subscribe('/tasks/*', new URL('../threads/batch-reader.js', import.meta.url), { data }).ready;
  const transport = {
    tally,
    async send(_first: number, count: number): Promise<void> {
      for (let left = count; left > 0; left -= RUN) {
        let rest = run.subarray(0, Math.min(left, RUN) * DELIMITED_BYTES);
        for (;;) {
          rest = rest.subarray(bus.forwardAll(rest));
          if (rest.length === 0) break;
          await bus.writable();
        }
      }
    },
    async close(): Promise<void> {
      await bus.close();
    },
  };
  const weigh = (index: number): number => readBytes(payloads[index & EVENT_MASK]!);
  const sending = new VerifiedSending(CASE, 'ringcast', transport, weigh, EVENT_MASK + 1);
  let perMs = 0;
  const send = async (count: number): Promise<number> => {
    // Whole runs, so that each begins with the first event of the corpus.
    const whole = Math.ceil(count / RUN) * RUN;
    perMs = whole / (await sending.send(whole));
    return perMs * 1000;
  };
  await send(FIRST_ROUND_EVENTS);
  return {
    round: async (roundMs) => ({ rate: await send(Math.max(FIRST_ROUND_EVENTS, perMs * roundMs)) }),
    close: () => transport.close(),
  };
}

const subjects: readonly Subject[] = [
  { name: 'ringcast', open: openRingcast },
  { name: 'c-ring', open: () => cRing(CASE) },
  { name: 'disruptor', open: () => disruptor(CASE) },
];

export const cases: readonly BenchCase[] = [inTurns(CASE, { rate: 'events/s' }, subjects)];
