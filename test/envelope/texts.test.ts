import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { bufbuildSchema } from '../../bench/codec-peers.js';
import { decodeRecurring } from '../../src/envelope/wire/recurring-text.js';
import { ContainerUpdate } from '../../src/events.js';
import { loadOracle } from '../support/protobuf-oracle.js';

const protobufjsType = loadOracle(['proto/containerd/events/container.proto']).lookupType(ContainerUpdate.typeUrl);
const schema = bufbuildSchema(ContainerUpdate);

/** Where an event is decoded: in a Buffer of its own, and in the middle of a batch. */
const PLACES = {
  'in a buffer of its own': (bytes: Buffer) => ({ source: bytes, start: 0 }),
  'in a batch': (bytes: Buffer) => ({
    source: Buffer.concat([Buffer.alloc(4099, 0xff), bytes, Buffer.alloc(300, 0x41)]),
    start: 4099,
  }),
};

const field = (tag: number, content: Uint8Array): Buffer =>
  content.length < 128
    ? Buffer.concat([Buffer.of(tag, content.length), content])
    : Buffer.concat([Buffer.of(tag, (content.length & 127) | 128, content.length >> 7), content]);

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: fc.constantFrom('a', 'b', '/', '.', '0'), maxLength: 200 }),
  // Shorter and longer than what is put together here, than what is kept, and than what is read ahead.
  fc.constantFrom(0, 1, 3, 4, 7, 8, 23, 24, 63, 64, 65, 127, 128, 255, 256, 257, 400).map((size) => 'x'.repeat(size)),
);
const bytesOfText = fc.oneof(
  { weight: 4, arbitrary: text.map((value) => Buffer.from(value)) },
  // Not UTF-8, most of them.
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)) },
);

/** The parts of map entries as anybody might write them: in any order, missing, twice, with others between. */
const entry = fc
  .array(fc.tuple(fc.constantFrom(10, 10, 18, 18, 26), bytesOfText), { maxLength: 4 })
  .map((parts) => field(26, Buffer.concat(parts.map(([tag, content]) => field(tag, content)))));
const message = fc
  .array(
    fc.oneof(
      entry,
      fc.tuple(fc.constantFrom(10, 18, 34), bytesOfText).map(([tag, bytes]) => field(tag, bytes)),
    ),
    {
      maxLength: 8,
    },
  )
  .map((fields) => Buffer.concat(fields));

function outcome(decode: () => object): unknown {
  try {
    const { id, image, labels, snapshotKey } = decode() as ContainerUpdate;
    return { id, image, labels: { ...labels }, snapshotKey };
  } catch {
    return 'refused';
  }
}

for (const [place, put] of Object.entries(PLACES)) {
  describe(place, () => {
    it('strings and maps of strings read as they do with protobufjs and @bufbuild/protobuf', () => {
      fc.assert(
        fc.property(message, (bytes) => {
          const { source, start } = put(bytes);
          const ours = outcome(() => ContainerUpdate.decode(source, start, start + bytes.length));
          assert.deepEqual(
            ours,
            outcome(() => {
              const { snapshot_key: snapshotKey, ...rest } = protobufjsType.decode(bytes) as unknown as {
                snapshot_key: string;
              };
              return { id: '', image: '', labels: {}, ...rest, snapshotKey: snapshotKey ?? '' };
            }),
            bytes.toString('hex'),
          );
          assert.deepEqual(
            ours,
            outcome(() => fromBinary(schema, bytes)),
            bytes.toString('hex'),
          );
        }),
        { numRuns: 400 },
      );
    });

    it('a string cut short by the end of the message is refused, wherever it is cut', () => {
      const labels = { app: 'shop', 'io.kubernetes.pod.namespace': 'default' };
      const whole = Buffer.alloc(300);
      const end = ContainerUpdate.encode({ id: 'x'.repeat(64), labels }, whole, 0, whole.length);
      const ends = new Set<number>();
      for (let cut = 0; cut <= end; cut++) {
        const { source, start } = put(whole.subarray(0, cut));
        if (outcome(() => ContainerUpdate.decode(source, start, start + cut)) !== 'refused') ends.add(cut);
      }
      // Before and after each of the three fields.
      assert.deepEqual([...ends], [0, 66, 66 + 13, end]);
    });

    it('texts that recur are told apart by each of their bytes', () => {
      for (const size of [1, 2, 3, 4, 5, 8, 27, 63, 64, 65]) {
        const first = Buffer.alloc(size, 'a');
        for (let round = 0; round < 2; round++) {
          for (let at = 0; at < size; at++) {
            // Read between the others, so that it is kept when one that differs in a single place comes.
            for (const bytes of [first, Buffer.from(first).fill('b', at, at + 1)]) {
              const { source, start } = put(bytes);
              assert.equal(decodeRecurring(source, start, start + size), bytes.toString());
            }
          }
        }
      }
    });
  });
}

it('a label called __proto__ is a label', () => {
  const bytes = field(26, Buffer.concat([field(10, Buffer.from('__proto__')), field(18, Buffer.from('x'))]));
  for (let round = 0; round < 2; round++) {
    const { labels } = ContainerUpdate.decode(bytes, 0, bytes.length);
    assert.deepEqual(Object.entries(labels), [['__proto__', 'x']]);
    assert.equal(Object.getPrototypeOf(labels), Object.prototype);
  }
});

it('a key of more than 127 bytes is read whole, also where a shorter one would fit', () => {
  // Taken for one byte, the first of the two of its length would end the key at its last character, a value's tag.
  const key = `${'k'.repeat(129)}\u0012`;
  const value = 'v'.repeat(17);
  const bytes = field(26, Buffer.concat([field(10, Buffer.from(key)), field(18, Buffer.from(value))]));
  assert.deepEqual(ContainerUpdate.decode(bytes, 0, bytes.length).labels, { [key]: value });
});
