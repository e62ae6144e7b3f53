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
        startsAnew: true,
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
  test('let the subjects take turns, each first once', async () => {
    const log: string[] = [];
    const results = await inTurns('case', { cost: 'ns' }, recording(log, ['a', 'b', 'c'])).run(plan);
    const opened = 'open a,open b,open c';
    const closed = 'close a,close b,close c';
    assert.equal(log.join(), `${opened},a,b,c,b,c,a,c,a,b,${closed}`);
    assert.deepEqual(results[0], {
      case: 'case',
      subject: 'a',
      metric: 'cost',
      value: 1,
      unit: 'ns',
      samples: [0, 1, 2],
    });
    assert.equal(results.length, 3);
  });

  test('go on with the turns where other processes have left off', async () => {
    const log: string[] = [];
    await inTurns('case', { cost: 'ns' }, recording(log, ['a', 'b', 'c'])).run({ ...plan, rounds: 2, begin: 2 });
    assert.equal(log.slice(3, -3).join(), 'c,a,b,a,b,c');
  });

  test('warm a subject up until it gets no faster, whatever the length of a round', async (t) => {
    t.mock.method(performance, 'now', () => 0);
    const settling = [100, 60, 40, 39, 39.5, 39, 39, 30];
    for (const roundMs of [1, 500]) {
      const asked: number[] = [];
      const subject: Subject = {
        name: 'a',
        open: () => ({
          async round(ms) {
            asked.push(ms);
            return { cost: settling[asked.length - 1] ?? 0 };
          },
          close() {},
        }),
      };
      await inTurns('case', { cost: 'ns' }, [subject]).run({ ...plan, rounds: 1, roundMs });
      assert.deepEqual(asked, [...new Array<number>(7).fill(50), roundMs]);
    }
  });

  test('warm up in fewer rounds what takes longer than it is given', async (t) => {
    let nowMs = 0;
    t.mock.method(performance, 'now', () => nowMs);
    let asked = 0;
    const subject: Subject = {
      name: 'a',
      open: () => ({
        async round() {
          nowMs += 1000;
          return { cost: ++asked };
        },
        close() {},
      }),
    };
    const [result] = await inTurns('case', { cost: 'ns' }, [subject]).run({ ...plan, rounds: 1 });
    assert.deepEqual(result!.samples, [3]);
  });

  test('warm a rate up as long as it grows', async (t) => {
    t.mock.method(performance, 'now', () => 0);
    const rates = [1, 2, 4, 8, 8, 8, 8, 8, 100];
    let asked = 0;
    const subject: Subject = {
      name: 'a',
      open: () => ({ round: async () => ({ rate: rates[asked++]! }), close() {} }),
    };
    const [result] = await inTurns('case', { rate: 'events/s' }, [subject]).run({ ...plan, rounds: 1 });
    assert.deepEqual(result!.samples, [100]);
  });

  test('keep the distribution of events of all rounds, where each was timed, and of no others', async () => {
    let asked = 0;
    const subject: Subject = {
      name: 'a',
      open: () => ({
        startsAnew: true,
        round: async () => ({ p50: ++asked, p99: 0 }),
        events: { metric: 'p50', times: () => [asked * 10, asked * 10 + 1] },
        close() {},
      }),
    };
    const [p50, p99] = await inTurns('case', { p50: 'us', p99: 'us' }, [subject]).run({ ...plan, rounds: 2 });
    assert.deepEqual(p50!.samples, [1, 2]);
    assert.deepEqual(
      p50!.percentiles!.filter(([percentile]) => percentile % 50 === 0),
      [
        [0, 10],
        [50, 15.5],
      ],
    );
    assert.equal(p99!.percentiles, undefined);
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

  test('skip a subject that does not get ready, where that is asked for', async () => {
    const [good] = recording([], ['good']);
    const bad: Subject = {
      name: 'bad',
      open() {
        throw new TypeError('bus.forwardAll is not a function');
      },
    };
    const measured = inTurns('case', { cost: 'ns' }, [bad, good!]);
    const missing: string[] = [];
    const onMissing = (name: string, error: unknown): void => void missing.push(`${name}: ${error}`);
    const results = await measured.run({ ...plan, onMissing });
    assert.deepEqual(missing, ['case bad: TypeError: bus.forwardAll is not a function']);
    assert.deepEqual(
      results.map(({ subject }) => subject),
      ['good'],
    );
    await assert.rejects(measured.run(plan), TypeError);
  });

  test('end with the first verification that fails, and close everything', async () => {
    const log: string[] = [];
    await assert.rejects(inTurns('case', { cost: 'ns' }, recording(log, ['a', 'b'], 'b')).run(plan), VerificationError);
    assert.deepEqual(log.slice(-2), ['close a', 'close b']);
  });
});
