import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { seriesOf } from '../../bench/plots.js';
import { type BarPlot, drawBars } from '../../bench/plotting/bar-plot.js';
import { COLOURS, GROUNDS, WIDTH } from '../../bench/plotting/frame.js';
import { drawLines, type LinePlot } from '../../bench/plotting/line-plot.js';
import { percentilesOf, resultOf } from '../../bench/results.js';
import { assertWellFormed } from '../support/well-formed-xml.js';

const line = (name: string, ...ys: number[]) => ({ name, points: ys.map((y, i) => ({ x: 4 ** i, y })) });

const lines: LinePlot = {
  title: 'a < b & c',
  xTitle: 'threads',
  yTitle: 'events',
  yUnit: 'events/s',
  logarithmic: false,
  place: Math.log2,
  from: 1,
  to: 4,
  ticks: [1, 4].map((x) => ({ x, label: String(x) })),
  series: [line('ours', 2_000_000, 1_500_000), line('theirs', 1_990_000, 1_490_000), line('none', 1000, 10)],
  caption: '"machine"',
};

const bars: BarPlot = {
  title: 'a < b & c',
  axisTitle: 'time',
  unit: 'ns',
  groups: [
    {
      name: 'group',
      bars: [100, 50].map((value) => ({ name: 'a', value, ours: true, spread: { low: value, high: value } })),
    },
  ],
  caption: '"machine"',
};

const heightOf = (svg: string): number => Number(/height="(\d+)"/.exec(svg)![1]);
const marksOf = (svg: string) =>
  [...svg.matchAll(/class="mark" d="([^"]+)"/g)].map(([, path]) =>
    [...path!.matchAll(/M([\d.]+),([\d.]+)/g)].map(([, x, y]) => ({ x: Number(x), y: Number(y) })),
  );

describe('a plot of lines', () => {
  for (const logarithmic of [false, true]) {
    test(`${logarithmic ? 'logarithmic' : 'linear'} is well-formed SVG with all points inside`, () => {
      const svg = drawLines({ ...lines, logarithmic });
      assertWellFormed(svg);
      const points = marksOf(svg).flat();
      assert.equal(points.length, 6);
      for (const { x, y } of points) assert.ok(x > 0 && x < WIDTH && y > 0 && y < heightOf(svg));
    });
  }

  test('says what it shows, escaped', () => {
    assert.match(drawLines(lines), /<title>a &lt; b &amp; c<\/title>/);
  });

  test('begins at 0 unless it is logarithmic', () => {
    const ticks = (svg: string) => [...svg.matchAll(/text-anchor="end">([^<]+)</g)].map(([, tick]) => tick);
    assert.deepEqual(ticks(drawLines(lines)), ['0', '500 k', '1 M', '1.5 M', '2 M']);
    assert.deepEqual(ticks(drawLines({ ...lines, logarithmic: true })), [
      '10',
      '100',
      '1 k',
      '10 k',
      '100 k',
      '1 M',
      '10 M',
    ]);
  });

  test('keeps the labels of close lines apart, and inside', () => {
    for (const ends of [
      [1, 1, 1, 1, 1],
      [99, 98, 100, 99, 99],
      [1, 50, 50, 50, 100],
    ]) {
      const svg = drawLines({ ...lines, series: ends.map((end, i) => line(`subject ${i}`, 100, end)) });
      const labels = [...svg.matchAll(/ y="([\d.]+)" class="label/g)].map(([, y]) => Number(y)).sort((a, b) => a - b);
      assert.equal(labels.length, 5);
      labels.reduce((above, below) => {
        assert.ok(below - above >= 14.9, `${labels}`);
        return below;
      });
      assert.ok(labels[0]! > 40 && labels.at(-1)! < heightOf(svg) - 60, `${labels}`);
    }
  });

  test('gives each line a colour and a mark of its own, and a subject the same in all plots', () => {
    const slots = (...names: string[]) =>
      [...drawLines({ ...lines, series: names.map((name) => line(name, 1, 2)) }).matchAll(/<g class="c(\d)"/g)].map(
        ([, slot]) => Number(slot),
      );
    assert.equal(new Set(slots('a', 'b', 'c', 'd', 'e', 'f')).size, 6);
    assert.deepEqual(slots('ringcast', 'other', 'BroadcastChannel'), [0, 3, 2]);
    assert.deepEqual(slots('postMessage', 'BroadcastChannel', 'ringcast'), [1, 2, 0]);
    assert.throws(() => slots('a', 'b', 'c', 'd', 'e', 'f', 'g'), /6 lines at most/);
  });

  test('takes a line for each subject from the cases of a picture', () => {
    const results = [4, 1].map((n) => resultOf(`fan-out/object/${n}`, 'ringcast', 'rate', 'events/s', [n * 10]));
    const other = resultOf('fan-out/lazy/1', 'ringcast', 'rate', 'events/s', [1]);
    const spread = (y: number) => ({ median: y, low: y, high: y });
    assert.deepEqual(seriesOf([...results, other], /^fan-out\/object\/(\d+)$/, 'rate'), [
      {
        name: 'ringcast',
        points: [
          { x: 1, y: 10, spread: spread(10) },
          { x: 4, y: 40, spread: spread(40) },
        ],
      },
    ]);
  });
});

describe('a plot of bars', () => {
  test('is well-formed SVG whose bars are as long as their values', () => {
    const svg = drawBars(bars);
    assertWellFormed(svg);
    const [first, second] = [...svg.matchAll(/<rect class="c0 mark"[^>]* width="([\d.]+)"/g)].map(([, w]) => Number(w));
    assert.ok(Math.abs(first! - 2 * second!) < 0.2);
  });
});

describe('percentiles', () => {
  test('go as far up as there are events for them', () => {
    const times = Array.from({ length: 1001 }, (_, i) => 1000 - i);
    const known = percentilesOf(times);
    assert.deepEqual(known[0], [0, 0]);
    assert.equal(known.at(-1)![0], 99.9);
    assert.ok(Math.abs(known.at(-1)![1] - 999) < 1e-6);
    assert.deepEqual(percentilesOf([5, 7, 6]).at(-1), [50, 6]);
  });
});

/** What is left of a colour in linear light without one kind of cones; G. M. Machado et al., 2009. */
const WITHOUT_CONES: Readonly<Record<string, readonly number[]>> = {
  everybody: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  protanopia: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deuteranopia: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  tritanopia: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
};

const times = (matrix: readonly number[], [a, b, c]: readonly number[]): number[] =>
  [0, 3, 6].map((row) => matrix[row]! * a! + matrix[row + 1]! * b! + matrix[row + 2]! * c!);

function linear(colour: string): number[] {
  return [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
}

/** A place in OKLab (B. Ottosson, 2020), where distances are those that are seen. */
function seen(light: readonly number[]): number[] {
  const inside = light.map((part) => Math.min(1, Math.max(0, part)));
  const cones = times(
    [
      0.4122214708, 0.5363325363, 0.0514459929, 0.2119034982, 0.6806995451, 0.1073969566, 0.0883024619, 0.2817188376,
      0.6299787005,
    ],
    inside,
  );
  return times(
    [
      0.2104542553, 0.793617785, -0.0040720468, 1.9779984951, -2.428592205, 0.4505937099, 0.0259040371, 0.7827717662,
      -0.808675766,
    ],
    cones.map(Math.cbrt),
  );
}

const luminance = (colour: string): number => times([0.2126, 0.7152, 0.0722, 0, 0, 0, 0, 0, 0], linear(colour))[0]!;

describe('the colours of lines', () => {
  for (const ground of ['light', 'dark'] as const) {
    for (const [who, matrix] of Object.entries(WITHOUT_CONES)) {
      test(`on ${ground} pages are told apart by ${who === 'everybody' ? who : `people with ${who}`}`, () => {
        const places = COLOURS[ground].map((colour) => seen(times(matrix, linear(colour))));
        for (const [i, a] of places.entries()) {
          for (const b of places.slice(0, i)) assert.ok(Math.hypot(...a.map((part, k) => part - b[k]!)) > 0.12);
        }
      });
    }

    test(`stand out from ${ground} pages`, () => {
      const below = luminance(GROUNDS[ground]);
      for (const colour of COLOURS[ground]) {
        const [dim, bright] = [below, luminance(colour)].sort((a, b) => a - b);
        assert.ok((bright! + 0.05) / (dim! + 0.05) >= 3, colour);
      }
    });
  }
});
