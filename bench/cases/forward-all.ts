/**
 * What an envelope of a run costs the thread that forwards it: the whole run in one call, one by one, and beside both what
 * copying the same bytes costs and nothing else.
 */
import type { Bus } from 'ringcast';
import { asleep, busWithReader, drained } from '../bus-rig.js';
import { timeCalls } from '../call-timing.js';
import { EVENT_MASK } from '../corpus.js';
import { DELIMITED_BYTES, ENVELOPE_BYTES, envelopesOf128Bytes, runOf } from '../envelopes.js';
import { check } from '../results.js';
import { type BenchCase, inTurns, type Running, type Subject } from '../rounds.js';
import { loadStaticCodec } from '../static-codec.js';

const CASE = 'forward-all/128B/1';
/** As in `publish/typed/1`: a burst to a sleeping subscriber, and a flood to one that reads along. */
const BURST = 128;
const FLOOD = 4000;

type Forward = (bus: Bus, run: Uint8Array, envelopes: readonly Uint8Array[], count: number) => void;

const inOneCall: Forward = (bus, run, _envelopes, count) => {
  bus.forwardAll(run.subarray(0, count * DELIMITED_BYTES));
};

const oneByOne: Forward = (bus, _run, envelopes, count) => {
  for (let i = 0; i < count; i++) bus.forward(envelopes[i & EVENT_MASK]!);
};

function forwarding(name: string, forward: Forward, maxBatch: number, ready: (bus: Bus) => Promise<void>): Subject {
  return {
    name,
    async open(): Promise<Running> {
      const envelopes = envelopesOf128Bytes(await loadStaticCodec());
      const run = runOf(envelopes, FLOOD);
      const { bus, verify } = await busWithReader();
      let sent = 0;
      const batch = (count: number): void => {
        forward(bus, run, envelopes, count);
        sent += count;
      };
      batch(FLOOD);
      await verify(sent, CASE, name);
      const timed = await timeCalls({ maxBatch, prepare: () => ready(bus), batch });
      return {
        async round(roundMs) {
          const values = await timed.round(roundMs);
          await verify(sent, CASE, name);
          return values;
        },
        async close() {
          await bus.close();
        },
      };
    },
  };
}

/** Where a record of a ring would begin: a header, the bytes, and what is left of 32. */
const RECORD_BYTES = 160;
const RING_BYTES = 4 * 1024 * 1024;

/** A loop that copies each envelope to its place in shared memory. */
const copyLoop: Subject = {
  name: 'copy-loop',
  async open() {
    const run = runOf(envelopesOf128Bytes(await loadStaticCodec()), FLOOD);
    const ring = new Uint8Array(new SharedArrayBuffer(RING_BYTES));
    let at = 0;
    const batch = (count: number): void => {
      for (let i = 0; i < count; i++) {
        const start = i * DELIMITED_BYTES + 2;
        ring.set(run.subarray(start, start + ENVELOPE_BYTES), at + 32);
        at += RECORD_BYTES;
        if (at + RECORD_BYTES > RING_BYTES) at = 0;
      }
    };
    batch(1);
    check(CASE, 'copy-loop', Buffer.from(ring.slice(32, 160)).equals(run.subarray(2, 130)), 'the bytes differ');
    return timeCalls({ maxBatch: BURST, batch });
  },
};

export const cases: readonly BenchCase[] = [
  inTurns(CASE, { cost: 'ns' }, [
    forwarding('ringcast', inOneCall, BURST, asleep),
    forwarding('ringcast-flood', inOneCall, FLOOD, drained),
    forwarding('forward', oneByOne, BURST, asleep),
    forwarding('forward-flood', oneByOne, FLOOD, drained),
    copyLoop,
  ]),
];
