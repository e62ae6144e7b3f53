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
  assert.equal(cells.compareExchange(0, 5, 6), 5);
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

test('a count is stored by one store, unless its high half is another', () => {
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
  storeCount(counting, 0, 2 ** 32 + 1);
  assert.equal(stores, 5);
});

/** Counts of which every other changes the high half; the last goes back to none, as IN_HAND does. */
const COUNTS = [2 ** 32 - 1, 2 ** 32, 2 ** 33 - 1, 2 ** 33, 0];

/** The stores of all {@link COUNTS}, one after another. */
function recordStores(): [index: number, value: number][] {
  const log: [number, number][] = [];
  const recording = watched(
    cellsOf(COUNT_CELLS),
    (...store) => log.push(store),
    () => {},
  );
  for (const count of COUNTS) storeCount(recording, 0, count);
  return log;
}

test('a load finds a count that was stored, wherever the stores of others come between, and wherever they end', () => {
  const log = recordStores();
  let runs = 0;
  /**
   * @param schedule how many stores happen before each of the first loads; all that are left before the one behind them
   * @param end the stores that happen at all: then their thread is dead
   */
  function run(schedule: readonly number[], end: number): void {
    const cells = cellsOf(COUNT_CELLS);
    let stored = 0;
    let loads = 0;
    const loading = watched(
      cells,
      () => assert.fail('a load stores nothing'),
      () => {
        assert.ok(loads < 100, `it waits for a dead thread: ${schedule}, then ${end}`);
        for (let left = schedule[loads++] ?? log.length; left > 0 && stored < end; left--)
          cells.store(...log[stored++]!);
      },
    );
    const found = loadCount(loading, 0);
    assert.ok(COUNTS.includes(found), `${found} after ${schedule}, then ${end}`);
    // The next life goes on from there.
    storeCount(cells, 0, 2 ** 34 + 5);
    assert.equal(loadCount(cells, 0), 2 ** 34 + 5);
    runs++;
  }
  for (let end = 0; end <= log.length; end++) {
    for (let first = 0; first <= end; first++) {
      for (let second = 0; second <= end - first; second++) {
        for (let third = 0; third <= end - first - second; third++) {
          for (let fourth = 0; fourth <= end - first - second - third; fourth++) {
            run([first, second, third, fourth], end);
          }
        }
      }
    }
  }
  assert.ok(runs > 1_000, `${runs}`);
});

test('what a thread leaves that dies at any step of a store is the count before it or the new one', () => {
  const cells = cellsOf(COUNT_CELLS);
  let before = 0;
  for (const count of [...COUNTS, 2 ** 53 - 1, 7]) {
    for (let steps = 0; steps < 3; steps++) {
      let stores = 0;
      let loads = 0;
      const dying = watched(
        cells,
        () => {
          if (stores++ === steps) throw new Error('killed');
        },
        () => {
          if (loads++ === 100) throw new Error('it waits for a dead thread');
        },
      );
      try {
        storeCount(dying, 0, count);
      } catch {
        // Killed.
      }
      const found = loadCount(dying, 0);
      assert.ok(found === before || found === count, `${found} between ${before} and ${count}`);
    }
    storeCount(cells, 0, count);
    before = count;
  }
});
