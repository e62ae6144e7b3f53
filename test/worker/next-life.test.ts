import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Batch } from '../../src/ring/batch-memory.js';
import { UNIT_BYTES } from '../../src/ring/record-descriptor.js';
import { RingReader } from '../../src/ring/ring-reader.js';
import { nextLife, ToldLag } from '../../src/worker/supervision/next-life.js';
import { size } from '../support/full.js';
import { CAPACITY_UNITS, eventsOf, ringAt, write } from '../support/ring-rig.js';

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('write' as const), units: fc.integer({ min: 1, max: 256 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('take' as const),
      maxBytes: fc.integer({ min: 32, max: 64 * 1024 }),
      settled: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('die' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('evict' as const) }) },
);

test('whatever an earlier life may have handled comes again as redelivered, however many lives there were', () => {
  let again = 0;
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 10, maxLength: 200 }),
      fc.constantFrom(0, 2 ** 31 - 1_000),
      (steps, start) => {
        const rig = ringAt(start);
        const { writer, memory } = rig;
        let reader = rig.reader();
        let until: number | undefined;
        const handled = new Set<number>();
        for (const op of steps) {
          if (op.do === 'write') write(writer, op.units);
          else if (op.do === 'evict') writer.evict(reader.reader);
          else if (op.do === 'die') {
            const life = nextLife(writer, reader.reader, new ToldLag(), []);
            reader = new RingReader(memory, reader.reader, life.position, () => {});
            until = life.redelivery!.until;
          } else {
            const batch = reader.take(op.maxBytes);
            if (batch !== undefined) again += handle(batch, until, handled);
            // All of the batch is in hands, some of it has settled.
            if (batch !== undefined) releasePart(reader, batch, op.settled);
          }
        }
      },
    ),
    { numRuns: size(500, 2_000) },
  );
  assert.ok(again > size(200, 1_000), `${again} records came again`);
});

/** Returns how many records of a batch had been in hand before. */
function handle(batch: Batch, until: number | undefined, handled: Set<number>): number {
  let position = batch.position;
  let again = 0;
  for (const { sequence, units } of eventsOf(batch)) {
    const redelivered = until !== undefined && ((position - until) | 0) < 0;
    if (handled.has(sequence)) {
      assert.ok(redelivered, `record ${sequence} comes again unmarked`);
      again++;
    }
    handled.add(sequence);
    position = (position + units) | 0;
  }
  return again;
}

/** Releases the records of a batch up to a share of it. */
function releasePart(reader: RingReader, batch: Batch, share: number): void {
  const target = Math.floor(((batch.end - batch.start) / UNIT_BYTES) * share);
  let units = 0;
  let sequence = 0;
  for (const event of eventsOf(batch)) {
    if (units + event.units > target) break;
    units += event.units;
    sequence = event.sequence + 1;
  }
  assert.ok(units <= CAPACITY_UNITS);
  if (units > 0) reader.release((batch.position + units) | 0, sequence);
}
