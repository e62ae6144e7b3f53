import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VerificationError } from '../../bench/results.js';
import { inTurns, type Plan, type Subject } from '../../bench/rounds.js';

const plan: Plan = { quick: true, rounds: 3, roundMs: 1, wants: () => true };

/** Subjects that write down what is asked of them and measure how often they were asked. */
function recording(log: string[], names: readonly string[], failing?: string): Subject[] {
  return names.map((name) => ({
    name,
    open() {
      log.push(`open ${name}`);
      let rounds = 0;
      return {
        async round() {
          log.push(name);
          if (name === failing && rounds === 1) throw new VerificationError('case', name, 'an event is missing');
          return { cost: rounds++ };
        },
        close: () => void log.push(`close ${name}`),
      };
    },
  }));
}

describe('rounds', () => {
  test('let the subjects take turns, each first once, after a round that does not count', async () => {
    const log: string[] = [];
    const results = await inTurns('case', { cost: 'ns' }, recording(log, ['a', 'b', 'c'])).run(plan);
    const opened = 'open a,open b,open c';
    const closed = 'close a,close b,close c';
    assert.equal(log.join(), `${opened},a,b,c,a,b,c,b,c,a,c,a,b,${closed}`);
    assert.deepEqual(results[0], {
      case: 'case',
      subject: 'a',
      metric: 'cost',
      value: 2,
      unit: 'ns',
      samples: [1, 2, 3],
    });
    assert.equal(results.length, 3);
  });

  test('leave out subjects that are not wanted', async () => {
    const log: string[] = [];
    const wanted: Plan = { ...plan, wants: (subject) => subject === 'b' };
    const results = await inTurns('case', { cost: 'ns' }, recording(log, ['a', 'b'])).run(wanted);
    assert.deepEqual(
      results.map(({ subject }) => subject),
      ['b'],
    );
    assert.ok(!log.includes('open a'));
  });

  test('end with the first verification that fails, and close everything', async () => {
    const log: string[] = [];
    await assert.rejects(inTurns('case', { cost: 'ns' }, recording(log, ['a', 'b'], 'b')).run(plan), VerificationError);
    assert.deepEqual(log.slice(-2), ['close a', 'close b']);
  });
});
