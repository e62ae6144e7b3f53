import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loadCases } from '../../bench/cases.js';
import { floors, judge } from '../../bench/floors.js';
import { type Result, resultOf } from '../../bench/results.js';

const atLeast = floors.find(({ case: name }) => name === 'fan-out/object/1')!;
const atMost = floors.find(({ case: name }) => name === 'publish/typed/1')!;
const bounded = floors.find(({ case: name }) => name === 'memory/steady')!;

function results(benchCase: string, metric: string, samples: Record<string, number[]>): Result[] {
  return Object.entries(samples).map(([subject, values]) => resultOf(benchCase, subject, metric, '', values));
}

describe('floors', () => {
  test('are about cases that there are', async () => {
    const names = (await loadCases()).map(({ name }) => name);
    for (const floor of floors) {
      assert.ok(names.includes(floor.case), floor.case);
      assert.ok(names.includes(floor.of?.case ?? floor.case), floor.of?.case);
    }
  });

  test('compare a rate with the best of the peers, round by round', () => {
    const verdict = judge(
      atLeast,
      results('fan-out/object/1', 'rate', {
        ringcast: [90, 100, 400],
        postMessage: [10, 10, 20],
        BroadcastChannel: [5, 5, 5],
      }),
    )!;
    assert.equal(verdict.against, 'postMessage');
    assert.equal(verdict.ratio.median, 10);
    assert.equal(verdict.holds, true);
  });

  test('do not hold where a cost is above its share of the peer', () => {
    const verdict = judge(atMost, results('publish/typed/1', 'cost', { ringcast: [50], protobufjs: [100] }))!;
    assert.equal(verdict.ratio.median, 0.5);
    assert.equal(verdict.holds, false);
  });

  test('bound a value that has no peer', () => {
    const measured = (value: number): Result[] => results('memory/steady', bounded.metric, { ringcast: [value] });
    assert.equal(judge(bounded, measured(4))!.holds, true);
    assert.equal(judge(bounded, measured(4.1))!.holds, false);
    assert.equal(judge(bounded, measured(-1))!.holds, true);
  });

  test('are left open by a run without the figures', () => {
    assert.equal(judge(atMost, []), undefined);
    assert.equal(judge(atMost, results('publish/typed/1', 'cost', { ringcast: [50] })), undefined);
  });
});
