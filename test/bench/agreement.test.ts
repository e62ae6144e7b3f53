import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { agreementOf } from '../../bench/agreement.js';
import { type Result, resultOf } from '../../bench/results.js';

function run(machine: number, peer: number, alone: number): Result[] {
  return [
    resultOf('publish', 'ringcast', 'cost', 'ns', [100 * machine, 110 * machine]),
    resultOf('publish', 'peer', 'cost', 'ns', [100 * machine * peer, 110 * machine * peer]),
    resultOf('wakes', 'ringcast', 'wakes', '', [alone]),
  ];
}

describe('two files of results', () => {
  test('agree where peers are the same multiple of ringcast, however fast the machine was', () => {
    const figures = agreementOf(run(1, 3, 2), run(1.7, 3.3, 2), 0.15);
    assert.deepEqual(
      figures.map(({ name, unit, agrees }) => ({ name, unit, agrees })),
      [
        { name: 'publish peer cost', unit: 'x ringcast', agrees: true },
        { name: 'wakes ringcast wakes', unit: '', agrees: true },
      ],
    );
    assert.ok(Math.abs(figures[0]!.apart - 0.1) < 1e-9);
  });

  test('differ where one figure is further from the other, either way, and where ringcast alone is', () => {
    for (const [base, head] of [
      [run(1, 3, 2), run(1, 3.5, 2.4)],
      [run(1, 3.5, 2.4), run(1, 3, 2)],
    ] as const) {
      assert.deepEqual(
        agreementOf(base, head, 0.15).map(({ agrees }) => agrees),
        [false, false],
      );
      assert.deepEqual(
        agreementOf(base, head, 0.25).map(({ agrees }) => agrees),
        [true, true],
      );
    }
  });

  test('differ where a figure is zero or changes its sign, and agree where both are zero', () => {
    const alone = (value: number): Result[] => [resultOf('growth', 'ringcast', 'slope', 'MiB', [value])];
    const agrees = (base: number, head: number): boolean => agreementOf(alone(base), alone(head), 0.15)[0]!.agrees;
    assert.deepEqual(
      [agrees(0, 0), agrees(0, 1), agrees(1, 0), agrees(-1, 1), agrees(-1, -1.1)],
      [true, false, false, false, true],
    );
  });

  test('say whether the rounds of one reach into those of the other', () => {
    const alone = (...rounds: number[]): Result[] => [resultOf('publish', 'ringcast', 'cost', 'ns', rounds)];
    const overlaps = (base: Result[], head: Result[]): boolean => agreementOf(base, head, 0.15)[0]!.overlaps;
    assert.deepEqual(
      [
        overlaps(alone(1, 1, 2), alone(1, 2, 2)),
        overlaps(alone(5), alone(1, 9, 9)),
        overlaps(alone(1, 2), alone(3, 4)),
        overlaps(alone(3, 4), alone(1, 2)),
      ],
      [true, true, false, false],
    );
    // Ratios round by round, not values.
    assert.equal(overlaps(run(1, 3, 2), run(9, 3, 2)), true);
  });

  test('are not held against each other where only one has a figure, or in another unit', () => {
    const [ours, peer] = run(1, 3, 2);
    assert.deepEqual(agreementOf([ours!], [peer!], 0.15), []);
    const twenty = resultOf('growth', 'ringcast', 'rss', 'MiB/20 million', [1]);
    assert.deepEqual(agreementOf([twenty], [{ ...twenty, unit: 'MiB/1 million' }], 0.15), []);
  });
});
