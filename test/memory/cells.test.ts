import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AtomicCells, type Cells, COUNT_CELLS, loadCount, storeCount } from '../../src/memory/cells.js';

function cellsOf(count: number): AtomicCells {
  return new AtomicCells(new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT));
}

/** Cells that tell of each store, and of each load before it happens. */
function watched(cells: Cells, onStore: (index: number, value: number) => void, onLoad: () => void): Cells {
  const watching = Object.create(cells) as Cells;
  watching.load = (index) => {
    onLoad();
    return cells.load(index);
  };
  watching.store = (index, value) => {
    onStore(index, value);
    cells.store(index, value);
  };
  return watching;
}

test('each read-modify-write returns the value before it', () => {
  const cells = cellsOf(1);
  cells.store(0, 5);
  assert.equal(cells.exchange(0, 6), 5);
  assert.equal(cells.compareExchange(0, 5, 9), 6);
  assert.equal(cells.compareExchange(0, 6, 7), 6);
  assert.equal(cells.add(0, 1), 7);
  assert.equal(cells.and(0, ~8), 8);
  assert.equal(cells.or(0, 3), 0);
  assert.equal(cells.load(0), 3);
});

test('a wait on another value returns at once', () => {
  const cells = cellsOf(1);
  cells.wait(0, 1, 1_000_000);
});

test('a count comes back as it was stored', () => {
  const cells = cellsOf(COUNT_CELLS);
  const counts = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1));
  fc.assert(
    fc.property(counts, (count) => {
      storeCount(cells, 0, count);
      assert.equal(loadCount(cells, 0), count);
    }),
  );
});

test('a count without a carry is stored by one store', () => {
  const cells = cellsOf(COUNT_CELLS);
  let stores = 0;
  const counting = watched(
    cells,
    () => stores++,
    () => {},
  );
  storeCount(counting, 0, 2 ** 32 - 1);
  assert.equal(stores, 1);
  storeCount(counting, 0, 2 ** 32);
  assert.equal(stores, 4);
});

test('a load between the stores of counts finds one of them, in every interleaving with two carries', () => {
  const counts = [2 ** 32 - 1, 2 ** 32, 2 ** 33 - 1, 2 ** 33];
  const log: [number, number][] = [];
  const recorded = cellsOf(COUNT_CELLS);
  const recording = watched(
    recorded,
    (...store) => log.push(store),
    () => {},
  );
  for (const count of counts) storeCount(recording, 0, count);

  let interleavings = 0;
  /** `schedule`: how many stores happen before each load; the rest before the one behind the last. */
  function run(schedule: readonly number[]): void {
    const cells = cellsOf(COUNT_CELLS);
    let stored = 0;
    let loads = 0;
    const loading = watched(
      cells,
      () => assert.fail('a load stores nothing'),
      () => {
        for (let left = schedule[loads++] ?? log.length; left > 0 && stored < log.length; left--) {
          cells.store(...log[stored++]!);
        }
      },
    );
    const found = loadCount(loading, 0);
    assert.ok(found === 0 || counts.includes(found), `${found} after ${schedule}`);
    interleavings++;
  }
  const steps = Array.from({ length: log.length + 1 }, (_, index) => index);
  for (const first of steps) {
    for (const second of steps.slice(0, log.length + 1 - first)) {
      for (const third of steps.slice(0, log.length + 1 - first - second)) {
        for (const fourth of steps.slice(0, log.length + 1 - first - second - third))
          run([first, second, third, fourth]);
      }
    }
  }
  assert.ok(interleavings > 400, `${interleavings}`);
});
