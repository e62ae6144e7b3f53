import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { readDelimited } from '../../src/envelope/delimited.js';
import { BusError, createBus, type Envelope } from '../../src/index.js';
import probe, { EVENTS, REFUSED, STRANGE } from '../fixtures/workers/prober.js';
import { closeDelivered, workerModule } from '../support/bus-scene.js';
import { size } from '../support/full.js';
import { mutate } from '../support/mutations.js';
import { Dice } from '../torture/payload.js';

const RECORDED = new URL('../../../test/fixtures/containerd-1.6.20/envelopes.binpb', import.meta.url);
const MUTANTS = size(2_500, 20_000);
const TIME_BOX_MS = 10_000;

const originals: Buffer[] = [];
for await (const envelope of readDelimited([readFileSync(RECORDED)])) originals.push(envelope);

function newCounts(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(3 * 4));
}

describe('damaged envelopes', { timeout: 600_000 }, () => {
  test('through forward are refused with an error of ours, or delivered as accepted, to whom they are for', async (t) => {
    const seed = Date.now() % 1_000_000;
    t.diagnostic(`seed ${seed}`);
    const dice = new Dice(seed);
    await using bus = createBus();
    const everything: string[] = [];
    const tasks: string[] = [];
    const [here, there] = [newCounts(), newCounts()];
    const read = (envelope: Envelope): string => `${envelope.namespace} ${envelope.topic} ${envelope.timestamp}`;
    bus.subscribe('/**', (envelope) => {
      everything.push(read(envelope));
      probe(envelope, { data: here, name: '', signal: AbortSignal.abort(), bus: undefined as never });
    });
    bus.subscribe({ topics: ['/tasks/*'], namespaces: ['default'] }, (envelope) => void tasks.push(read(envelope)));
    const elsewhere = bus.subscribe('/**', workerModule('prober'), { data: there });
    const [accepted, refused] = [{ count: 0 }, { count: 0 }];
    const startedMs = performance.now();
    for (let i = 0; i < MUTANTS && performance.now() - startedMs < TIME_BOX_MS; i++) {
      const bytes = mutate(originals[dice.roll(originals.length)]!, dice);
      const before = bus.stats().written + bus.stats().pending.events;
      try {
        if (!bus.forward(bytes)) await bus.writable();
        accepted.count++;
        assert.ok(bus.stats().written + bus.stats().pending.events > before);
      } catch (error) {
        if (!(error instanceof BusError)) throw error;
        refused.count++;
        assert.equal(bus.stats().written + bus.stats().pending.events, before, 'a refusal changes nothing');
      }
    }
    // What is sound still gets through, unchanged.
    const sound = originals[7]!;
    const last = new Promise<Buffer>((resolve) => {
      const { written } = bus.stats();
      bus.subscribe('/**', (envelope) => {
        if (envelope.sequence >= written) resolve(Buffer.from(envelope.toBinary()));
      });
    });
    bus.forward(sound);
    assert.deepEqual(await last, sound);
    await closeDelivered(bus);
    assert.ok(accepted.count > 100 && refused.count > 100, `${accepted.count} accepted, ${refused.count} refused`);
    assert.equal(everything.length, accepted.count + 1);
    assert.deepEqual(
      tasks,
      everything.filter((text) => /^default \/tasks(\/[^/]+) /.test(text)),
    );
    for (const counts of [here, there]) {
      assert.equal(counts[EVENTS], accepted.count + 1);
      assert.equal(counts[STRANGE], 0);
      assert.ok(counts[REFUSED]! > 0);
    }
    const { delivered, failed, restarts } = elsewhere.stats();
    assert.deepEqual([delivered, failed, restarts], [accepted.count + 1, 0, 0]);
  });

  test('as payloads of known types reach handlers, and decoding them throws errors of ours', async (t) => {
    const seed = Date.now() % 1_000_000;
    t.diagnostic(`seed ${seed}`);
    const dice = new Dice(seed);
    await using bus = createBus();
    const sound: { typeUrl: string; value: Uint8Array }[] = [];
    const collecting = bus.subscribe('/**', ({ typeUrl, payload }) => void sound.push({ typeUrl, value: payload }));
    for (const envelope of originals.slice(0, 200)) bus.forward(envelope);
    bus.publish('/plain', { a: [1, 'two', new Date(3), { b: 4n }], c: new Map([[5, 6]]) });
    await collecting.stop({ drain: true });
    const [here, there] = [newCounts(), newCounts()];
    bus.subscribe('/a', (envelope) =>
      probe(envelope, { data: here, name: '', signal: AbortSignal.abort(), bus: undefined as never }),
    );
    bus.subscribe('/a', workerModule('prober'), { data: there });
    let published = 0;
    const startedMs = performance.now();
    for (; published < MUTANTS && performance.now() - startedMs < TIME_BOX_MS; published++) {
      const { typeUrl, value } = sound[published % 3 === 0 ? sound.length - 1 : dice.roll(sound.length)]!;
      if (!bus.publish('/a', { typeUrl, value: mutate(value, dice) })) await bus.writable();
    }
    await closeDelivered(bus);
    for (const counts of [here, there]) assert.deepEqual([counts[EVENTS], counts[STRANGE]], [published, 0]);
    assert.equal(here[REFUSED], there[REFUSED]);
    assert.ok(here[REFUSED]! > 0);
  });
});
