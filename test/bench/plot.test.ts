import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { drawPlot, type Plot, seriesOf } from '../../bench/plot.js';
import { resultOf } from '../../bench/results.js';

const plot: Plot = {
  title: 'a < b & c',
  xTitle: 'threads',
  yTitle: 'events/s',
  ticks: [1, 4],
  logarithmic: false,
  series: [
    {
      name: 'ours',
      points: [
        { x: 1, y: 2_000_000 },
        { x: 4, y: 1_500_000 },
      ],
    },
    {
      name: 'theirs',
      points: [
        { x: 1, y: 1_990_000 },
        { x: 4, y: 1_490_000 },
      ],
    },
  ],
  caption: '"machine"',
};

/** Fails unless every element is closed, in order, and attributes and text are escaped. */
function assertWellFormed(xml: string): void {
  const open: string[] = [];
  let end = 0;
  for (const match of xml.matchAll(/<(\/?)([a-z]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/gi)) {
    const [tag, closing, name, , empty] = match;
    const between = xml.slice(end, match.index);
    assert.doesNotMatch(between, /[<>]|&(?!(amp|lt|gt|quot);)/, between);
    if (closing === '/') assert.equal(open.pop(), name, tag);
    else if (empty !== '/') open.push(name!);
    end = match.index + tag.length;
  }
  assert.deepEqual(open, []);
  assert.equal(xml.slice(end).trim(), '');
}

describe('plot', () => {
  for (const logarithmic of [false, true]) {
    test(`${logarithmic ? 'logarithmic' : 'linear'} is well-formed SVG with all points inside`, () => {
      const svg = drawPlot({ ...plot, logarithmic });
      assertWellFormed(svg);
      const points = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)];
      assert.equal(points.length, 4);
      for (const [, x, y] of points) assert.ok(Number(x) > 0 && Number(x) < 760 && Number(y) > 0 && Number(y) < 420);
    });
  }

  test('says what it shows, escaped', () => {
    assert.match(drawPlot(plot), /<title>a &lt; b &amp; c<\/title>/);
  });

  test('keeps the labels of close lines apart', () => {
    const labels = [...drawPlot(plot).matchAll(/ y="([\d.]+)" style="fill/g)].map(([, y]) => Number(y));
    assert.equal(labels.length, 2);
    assert.ok(Math.abs(labels[0]! - labels[1]!) >= 15);
  });

  test('is readable on dark pages', () => {
    assert.match(drawPlot(plot), /prefers-color-scheme: dark/);
  });

  test('takes a line for each subject from the cases of a prefix', () => {
    const results = [4, 1].map((n) => resultOf(`fan-out/object/${n}`, 'ringcast', 'rate', 'events/s', [n * 10]));
    const other = resultOf('fan-out/lazy/1', 'ringcast', 'rate', 'events/s', [1]);
    assert.deepEqual(seriesOf([...results, other], 'fan-out/object/', 'rate'), [
      {
        name: 'ringcast',
        points: [
          { x: 1, y: 10 },
          { x: 4, y: 40 },
        ],
      },
    ]);
  });
});
