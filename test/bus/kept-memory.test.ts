/** What a bus keeps of topics and types is bounded, whatever comes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MAX_TYPE_URL_BYTES } from '../../src/envelope/type-url.js';
import { createBus } from '../../src/index.js';
import { TemplateMemory, TopicEntry } from '../../src/publish/topic-entry.js';
import { SMALL_RING_BYTES, thrownBy, turn, until } from '../support/bus-scene.js';
import { envelopeWith } from '../support/envelope-bytes.js';
import { size } from '../support/full.js';
import { randomFrom } from '../support/schedules.js';

const MIB = 2 ** 20;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const TOPICS = size(10_000, 20_000);

/** Heap and buffers in use after collections, in MiB. */
async function keptMiB(): Promise<number> {
  for (let round = 0; round < 4; round++) {
    collect();
    await turn();
  }
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / MIB;
}

describe('a bus', { timeout: 600_000 }, () => {
  test('keeps little of topics for readers that want few of them, and for those that want them all', async () => {
    // The few are spread, so that those readers do not sleep through the rest.
    for (const filter of ['/tenant-1/**', '/**']) {
      await using bus = createBus({ keepUnwanted: true });
      const topics = Array.from({ length: TOPICS }, (_, index) => `/tenant-${index % 97}/object-${index}/changed`);
      const publishTwice = async (): Promise<void> => {
        for (let first = 0; first < topics.length; first += 1_000) {
          for (const topic of [...topics.slice(first, first + 1_000), ...topics.slice(first, first + 1_000)]) {
            bus.publish(topic, 1);
          }
          await bus.writable();
        }
      };
      bus.subscribe('/**', () => {});
      await publishTwice();
      const before = await keptMiB();
      const readers = 20;
      let seen = 0;
      const more = Array.from({ length: readers }, () => bus.subscribe(filter, () => void seen++, { isolate: true }));
      await publishTwice();
      await until(() => more.every((subscription) => subscription.stats().scanned >= topics.length * 2));
      const kept = (await keptMiB()) - before;
      const wanted = topics.filter((topic) => filter === '/**' || topic.startsWith('/tenant-1/'));
      assert.equal(seen, readers * wanted.length * 2);
      // Of 20,000 topics a word for each of them and each reader are 3 MiB; a route for each were 50. Something is kept once.
      assert.ok(kept < 5 + (10 * TOPICS) / 20_000, `${kept} MiB for ${filter}`);
    }
  });

  test('keeps nothing of envelopes that it refuses, however long their topics and types', async () => {
    await using bus = createBus({ capacityBytes: 4 * MIB });
    bus.subscribe('/**', () => {});
    const before = await keptMiB();
    for (let index = 0; index < 1_500; index++) {
      const long = `${index}`.padEnd(50_000, 'x');
      const topic = envelopeWith({ topic: `/a/${index % 256}${long}` });
      assert.equal(thrownBy(() => bus.forward(topic)).code, 'BUS_INVALID_TOPIC');
      const type = envelopeWith({ topic: `/a/b${index}`, event: { typeUrl: long, value: Buffer.of(1) } });
      assert.equal(thrownBy(() => bus.forward(type)).code, 'BUS_INVALID_TYPE_URL');
    }
    const kept = (await keptMiB()) - before;
    assert.ok(kept < 10, `${kept} MiB`);
  });

  test('keeps a bounded part of ever new types, of events and of envelopes', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    bus.subscribe('/**', () => {});
    const before = await keptMiB();
    for (let index = 0; index < 20_000; index++) {
      const typeUrl = `${index}`.padEnd(MAX_TYPE_URL_BYTES, 'x');
      const event = { typeUrl, value: Buffer.of(1) };
      bus.publish(`/published/${index % 50}`, event);
      bus.forward(envelopeWith({ topic: `/forwarded/${index}`, event }));
      if (index % 10 === 9) await bus.writable();
    }
    const kept = (await keptMiB()) - before;
    assert.ok(kept < 40, `${kept} MiB`);
  });

  test('refuses a type URL of more than 1,024 bytes before it takes anything of the event', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const got: string[] = [];
    bus.subscribe('/**', ({ typeUrl }) => void got.push(typeUrl));
    const value = Buffer.of(1);
    const longest = ['x'.repeat(MAX_TYPE_URL_BYTES), 'é'.repeat(MAX_TYPE_URL_BYTES / 2)];
    for (const typeUrl of longest) {
      bus.publish('/a', { typeUrl, value });
      bus.forward(envelopeWith({ event: { typeUrl, value } }));
    }
    for (const typeUrl of longest.map((text) => `${text}a`)) {
      for (const act of [
        () => bus.publish('/a', { typeUrl, value }),
        () => bus.tryPublish('/a', { typeUrl, value }),
        () => bus.publishSync('/a', { typeUrl, value }),
        () => bus.forward(envelopeWith({ event: { typeUrl, value } })),
        () => bus.forward({ toBinary: () => envelopeWith({ event: { typeUrl, value } }) }),
        () => bus.emitter({ prefix: '/a' }).emit('b', { typeUrl, value }, { throws: true }),
      ]) {
        const error = thrownBy(act);
        assert.equal(error.code, 'BUS_INVALID_TYPE_URL');
        assert.ok(error.message.length < 200, error.message);
      }
    }
    assert.equal(bus.stats().published, longest.length * 2);
    await bus.close();
    assert.deepEqual(
      got,
      longest.flatMap((typeUrl) => [typeUrl, typeUrl]),
    );
  });
});

test('templates of all topics together stay within their bound, and each is the one that was asked for', () => {
  const maxBytes = 20_000;
  const memory = new TemplateMemory(maxBytes);
  const entries = Array.from({ length: 8 }, (_, index) => new TopicEntry(`/topic/${index}`, undefined, memory));
  const random = randomFrom(1);
  for (let step = 0; step < 20_000; step++) {
    const entry = entries[Math.floor(random() * entries.length)]!;
    if (random() < 0.01) entry.forget();
    const typeUrl = `type.${Math.floor(random() * 80)}`;
    const template = entry.templateFor('default', typeUrl);
    assert.deepEqual([template.topic, template.namespace, template.typeUrl], [entry.topic, 'default', typeUrl]);
    assert.equal(entry.templateFor('default', typeUrl), template);
    assert.ok(memory.bytes > 0 && memory.bytes <= maxBytes, `${memory.bytes}`);
  }
  for (const entry of entries) entry.forget();
  assert.equal(memory.bytes, 0);
});
