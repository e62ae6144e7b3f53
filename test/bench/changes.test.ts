import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { changesBetween } from '../../bench/changes.js';
import { type Result, resultOf } from '../../bench/results.js';

/** One process for each value. */
function runs(values: readonly number[], metric = 'cost'): Result[][] {
  return values.map((value) => [resultOf('publish/typed/1', 'ringcast', metric, 'ns', [value])]);
}

const BASE = [100, 101, 102, 103, 104];

describe('comparison of two commits', () => {
  const table: readonly [name: string, head: readonly number[], changed: boolean][] = [
    ['names a case whose runs are all slower by a tenth', [110, 111, 112, 113, 114], true],
    ['names a case whose runs are all faster by a tenth', [90, 91, 92, 93, 94], true],
    ['does not name a certain change below 5 %', [104.1, 104.2, 104.3, 104.4, 104.5], false],
    ['does not name a large change that only some runs show', [90, 100.5, 130, 140, 150], false],
    ['does not name the same values', BASE, false],
  ];
  for (const [name, head, changed] of table) {
    test(name, () => {
      const [change] = changesBetween(runs(BASE), runs(head));
      assert.equal(change!.changed, changed, JSON.stringify(change));
    });
  }

  test('tells the size of a change', () => {
    const [change] = changesBetween(runs(BASE), runs([204, 204, 204, 204, 204]));
    assert.deepEqual([change!.base, change!.head, change!.effect], [102, 204, 1]);
  });

  test('skips what only one side has measured', () => {
    assert.deepEqual(changesBetween(runs(BASE), runs(BASE, 'delivery')), []);
  });
});
