import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BACKLOGS, History } from '../../src/cli/web/history.js';
import { sampleWith, subscription } from '../support/top-samples.js';

/** A history of samples of `subscriptions`, a second after each other. */
function historyOf(...samples: readonly Parameters<typeof sampleWith>[0][]): History {
  const history = new History();
  for (const [index, subscriptions] of samples.entries()) {
    history.add(sampleWith(subscriptions, index * 100, 1_000 * (index + 1)), 1_000 * index);
  }
  return history;
}

describe('what the page remembers', () => {
  test('is a rate per second from one sample to the next, and nothing before there are two', () => {
    const history = historyOf([subscription('a', { delivered: 5 })], [subscription('a', { delivered: 25 })]);
    assert.deepEqual(history.times, [0, 1]);
    assert.deepEqual(history.published, [null, 100]);
    assert.deepEqual(history.delivered, [null, 20]);
  });

  test('makes no step of a subscription that has just begun, or ended', () => {
    const old = subscription('old', { delivered: 1_000 });
    const history = historyOf(
      [old],
      [old, subscription('new', { delivered: 500 })],
      [subscription('new', { delivered: 510 })],
    );
    assert.deepEqual(history.delivered, [null, 0, 10]);
    assert.deepEqual(
      history.backlogs().map((line) => line?.values),
      [[null, 0, 0], [0, 0, null], ...Array(4)],
    );
  });

  test('begins anew with another process, and goes on with gaps', () => {
    const history = historyOf([subscription('a')]);
    history.addGap(1_500);
    history.add({ ...sampleWith([subscription('a')], 7, 2_000), pid: 8 }, 2_000);
    assert.deepEqual(history.published, [null, null, null]);
    assert.deepEqual(history.used, [32_768, null, 32_768]);
    assert.equal(history.previous, undefined);
  });

  test('keeps five minutes, of what has ended too, and nothing older', () => {
    const history = new History();
    for (let second = 0; second < 1_000; second++) {
      const name = `life-${Math.floor(second / 10)}`;
      history.add(sampleWith([subscription(name, { backlogBytes: second })], 0, 1_000 * second), 1_000 * second);
    }
    assert.deepEqual([history.times.length, history.times[0], history.times.at(-1)], [301, 699, 999]);
    for (const line of history.backlogs()) assert.equal(line!.values.length, 301);
    assert.ok(JSON.stringify([...Object.values(history)]).length < 100_000);
  });

  test('draws the highest backlogs, each in its place for as long as it is among them', () => {
    const many = (bytes: (index: number) => number): ReturnType<typeof subscription>[] =>
      Array.from({ length: 64 }, (_, index) => subscription(`s${index}`, { backlogBytes: bytes(index) }));
    const history = historyOf(many((index) => index));
    const names = (): (string | undefined)[] => history.backlogs().map((line) => line?.name);
    assert.deepEqual(names(), ['s63', 's62', 's61', 's60', 's59', 's58']);
    history.add(
      sampleWith(
        many((index) => (index === 0 ? 1_000 : index)),
        0,
        2_000,
      ),
      2_000,
    );
    assert.deepEqual(names(), ['s63', 's62', 's61', 's60', 's59', 's0']);
    assert.equal(names().length, BACKLOGS);
  });

  test('marks what was lost and what went wrong', () => {
    const history = historyOf(
      [subscription('a'), subscription('b')],
      [subscription('a', { lagged: 5 }), subscription('b', { evicted: true, restarts: 1 })],
    );
    assert.deepEqual(
      history.marks.map(({ what }) => what),
      ['a missed 5 records', 'b was evicted', 'the thread of b was started again'],
    );
    assert.deepEqual(history.lagged, [null, 5]);
  });
});
