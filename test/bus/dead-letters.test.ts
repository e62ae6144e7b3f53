import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { type Bus, createBus, type DeadLetterReport } from '../../src/index.js';
import { closeDelivered, inlineModule, range, SMALL_RING_BYTES, until } from '../support/bus-scene.js';
import { Mortal } from '../support/deaths.js';

interface Letter {
  readonly topic: string;
  readonly namespace: string;
  readonly sequence: bigint;
  readonly subscription: string;
  readonly reason: string;
  readonly deaths: number;
  readonly event: { readonly typeUrl: string; readonly value: Uint8Array };
}

function collectLetters(bus: Bus): Letter[] {
  const letters: Letter[] = [];
  bus.subscribe('/ringcast/dead-letter', ({ event }) => void letters.push(event as unknown as Letter));
  return letters;
}

describe('an event that its subscriber thread keeps dying of', { timeout: 600_000 }, () => {
  test('is skipped at the third death while handled alone, counted, and published as a dead letter', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const letters = collectLetters(bus);
    let original: Uint8Array | undefined;
    bus.subscribe('/a', (envelope) => {
      if (envelope.sequence === 3) original = envelope.payload;
    });
    const told = once(bus, 'deadLetter');
    // Wants everything, dead letters too: not the one that it caused.
    const mortal = new Mortal(bus, '/**', 'exit', { 3: 1_000 }, { name: 'mortal' });
    for (const id of range(8)) bus.publish('/a', { id }, { namespace: 'mine' });
    const [report] = (await told) as [DeadLetterReport];
    assert.deepEqual([report.subscription, report.topic, report.sequence, report.deaths], ['mortal', '/a', 3, 3]);
    assert.match(report.error.message, /exit code 7/);
    await until(() => letters.length > 0);
    for (const id of [8, 9]) bus.publish('/a', { id });
    await mortal.subscription.stop({ drain: true });
    assert.deepEqual(mortal.handled, [0, 1, 2, 4, 5, 6, 7, 8, 9]);
    const { deadLetters, restarts, failed } = mortal.subscription.stats();
    assert.deepEqual([deadLetters, restarts, failed], [1, 4, 0]);
    assert.equal(letters.length, 1);
    const [{ topic, namespace, sequence, subscription, reason, deaths, event }] = letters as [Letter];
    assert.deepEqual([topic, namespace, sequence, subscription, deaths], ['/a', 'mine', 3n, 'mortal', 3]);
    assert.match(reason, /exit code 7/);
    assert.equal(event.typeUrl, 'ringcast.MessagePack');
    assert.deepEqual(Buffer.from(event.value), Buffer.from(original!));
  });

  test('does not keep another such event from being skipped', async () => {
    await using bus = createBus();
    const letters = collectLetters(bus);
    const mortal = new Mortal(bus, '/a', 'exit', { 2: 1_000, 3: 1_000 });
    for (const id of range(6)) bus.publish('/a', { id });
    await mortal.subscription.stop({ drain: true });
    assert.deepEqual(mortal.handled, [0, 1, 4, 5]);
    await until(() => letters.length === 2);
    assert.deepEqual(
      letters.map(({ sequence }) => sequence),
      [2n, 3n],
    );
  });

  test('and is itself a dead letter is skipped without another one', async () => {
    await using bus = createBus();
    const letters = collectLetters(bus);
    const reports: DeadLetterReport[] = [];
    bus.on('deadLetter', (report) => reports.push(report));
    const undertaker = bus.subscribe('/ringcast/**', inlineModule('export default () => process.exit(5)'), {
      restart: { backoffMs: 0 },
    });
    const mortal = new Mortal(bus, '/a', 'exit', { 0: 1_000 });
    bus.publish('/a', { id: 0 });
    await until(() => reports.length === 2);
    assert.deepEqual(
      reports.map(({ topic }) => topic),
      ['/a', '/ringcast/dead-letter'],
    );
    await Promise.all([mortal.subscription.stop({ drain: true }), undertaker.stop({ drain: true })]);
    await closeDelivered(bus);
    assert.equal(letters.length, 1);
    assert.equal(reports.length, 2);
  });

  test('and is of the greatest size is told of without its payload', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const letters = collectLetters(bus);
    const value = Buffer.alloc((64 * 1024) / 8 - 32 - 64, 7);
    const module = inlineModule('export default ({ sequence }) => { if (sequence === 1) process.exit(5) }');
    const subscription = bus.subscribe('/a', module, { restart: { backoffMs: 0 } });
    for (const _ of range(3)) bus.publish('/a', { typeUrl: 'x', value });
    await subscription.stop({ drain: true });
    assert.equal(subscription.stats().delivered, 2);
    await until(() => letters.length === 1);
    assert.deepEqual([letters[0]!.sequence, letters[0]!.event.typeUrl, letters[0]!.event.value.length], [1n, 'x', 0]);
  });

  test('and of whose deaths there is more to say than a record holds is told of all the same', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const letters = collectLetters(bus);
    const module = inlineModule(`export default ({ sequence }) => {
      if (sequence !== 1) return;
      queueMicrotask(() => { throw new Error('no account; '.repeat(10_000)); });
      return new Promise(() => {});
    }`);
    const subscription = bus.subscribe('/a', module, { restart: { backoffMs: 0 } });
    for (const id of range(3)) bus.publish('/a', { id });
    await subscription.stop({ drain: true });
    await until(() => letters.length === 1);
    assert.equal(letters[0]!.sequence, 1n);
    assert.match(letters[0]!.reason, /no account; no account/);
  });

  test('of a lossy subscription is told of as long as the ring still holds it', async () => {
    await using bus = createBus();
    const letters = collectLetters(bus);
    const mortal = new Mortal(bus, '/a', 'exit', { 1: 1_000 }, { delivery: 'lossy' });
    for (const id of range(3)) bus.publish('/a', { id });
    await mortal.subscription.stop({ drain: true });
    assert.deepEqual(mortal.handled, [0, 2]);
    await until(() => letters.length === 1);
    assert.deepEqual([letters[0]!.topic, letters[0]!.sequence], ['/a', 1n]);
  });

  for (const reader of ['handler', 'stream'] as const) {
    test(`while the bus closes is published all the same, and read by a ${reader}`, async () => {
      const bus = createBus();
      const letters = reader === 'handler' ? collectLetters(bus) : [];
      const reading = (async () => {
        if (reader !== 'stream') return;
        for await (const { event } of bus.subscribe('/ringcast/**')) letters.push(event as Letter);
      })();
      const mortal = new Mortal(bus, '/a', 'exit', { 1: 1_000 });
      await mortal.subscription.ready;
      for (const id of range(3)) bus.publish('/a', { id });
      assert.deepEqual(await bus.close({ drainTimeoutMs: Number.POSITIVE_INFINITY }), { undelivered: 0 });
      await reading;
      assert.deepEqual(mortal.handled, [0, 2]);
      assert.deepEqual(
        letters.map(({ topic, sequence }) => [topic, sequence]),
        [['/a', 1n]],
      );
    });
  }

  test('is told to listeners although the clock of the bus throws as the letter is published, and so is that', async () => {
    let fails = false;
    const clock = (): number => {
      if (fails) throw new Error('no time');
      return 0;
    };
    await using bus = createBus({ clock });
    const errors: unknown[] = [];
    bus.on('error', (error) => errors.push((error as { code?: string }).code));
    const letters = collectLetters(bus);
    const told: string[] = [];
    bus.on('deadLetter', ({ topic }) => told.push(topic));
    const mortal = new Mortal(bus, '/a', 'exit', { 1: 1_000 });
    for (const id of range(3)) bus.publish('/a', { id });
    fails = true;
    await until(() => told.length > 0);
    assert.deepEqual(told, ['/a']);
    await mortal.subscription.stop({ drain: true });
    assert.deepEqual(mortal.handled, [0, 2]);
    assert.deepEqual([errors, letters], [['BUS_INVALID_OPTION'], []]);
  });

  test('with nobody to read the letter is told to listeners of the bus all the same', async () => {
    await using bus = createBus();
    const told = once(bus, 'deadLetter');
    const mortal = new Mortal(bus, '/a', 'exit', { 0: 1_000 });
    for (const id of range(3)) bus.publish('/a', { id });
    assert.equal((await told)[0].topic, '/a');
    await mortal.subscription.stop({ drain: true });
    assert.deepEqual(mortal.handled, [1, 2]);
    assert.equal(bus.stats().written, 3);
  });
});
