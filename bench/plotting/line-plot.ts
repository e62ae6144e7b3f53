/** Lines over threads, events, filters or percentiles: each with its name at its end. */
import { type Axis, linearAxis, logarithmicAxis } from './axis.js';
import { CHARACTER, line, MARGIN, round, sheet, text, WIDTH, withUnit } from './frame.js';

interface Point {
  readonly x: number;
  readonly y: number;
  /** Quartiles of the rounds. */
  readonly spread?: { readonly low: number; readonly high: number };
}

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
}

export interface LinePlot {
  readonly title: string;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly yUnit: string;
  /** Whether y is logarithmic; else it begins at 0. */
  readonly logarithmic: boolean;
  /** Where a value of x lies; only differences count. */
  readonly place: (x: number) => number;
  /** The ends of the x axis. */
  readonly from: number;
  readonly to: number;
  /** What is written below the x axis. */
  readonly ticks: readonly { readonly x: number; readonly label: string }[];
  readonly series: readonly Series[];
  /** On what it was measured. */
  readonly caption: string;
}

const HEIGHT = 300;
const LEFT = 62;
const TOP = 58;
const BOTTOM = 70;
const INNER_HEIGHT = HEIGHT - TOP - BOTTOM;
const LABEL_HEIGHT = 15;
const LABEL_GAP = 16;

/** Marks as paths around a point: lines are told apart by them, too. */
const MARKS = [
  'm-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0',
  'm-3.5,-3.5h7v7h-7z',
  'm0,-4.5l4.5,8h-9z',
  'm0,-5l5,5l-5,5l-5,-5z',
  'm0,4.5l4.5,-8h-9z',
  'm-4,-1.5h2.5v-2.5h3v2.5h2.5v3h-2.5v2.5h-3v-2.5h-2.5z',
];
/** Those that are in many plots have the same colour in each. */
const SLOTS: Readonly<Record<string, number>> = { ringcast: 0, postMessage: 1, BroadcastChannel: 2 };

export function drawLines(plot: LinePlot): string {
  const { series, ticks, place: placeOf } = plot;
  const ys = series.flatMap(({ points }) => points.flatMap(({ y, spread }) => [y, ...(spread ? [spread.high] : [])]));
  const axis = plot.logarithmic ? logarithmicAxis(ys) : linearAxis(ys);
  const right = WIDTH - MARGIN - LABEL_GAP - Math.max(...series.map(({ name }) => name.length)) * CHARACTER;
  const first = placeOf(plot.from);
  const range = placeOf(plot.to) - first || 1;
  const place = (x: number): number => LEFT + 6 + ((placeOf(x) - first) / range) * (right - LEFT - 12);
  const height = (y: number): number => TOP + INNER_HEIGHT * (1 - axis.share(y));

  const parts = [
    ...drawGrid(axis, right, height, plot.yUnit),
    ...ticks.map(({ x, label }) => text(place(x), TOP + INNER_HEIGHT + 18, label, 'text-anchor="middle"')),
    text((LEFT + right) / 2, TOP + INNER_HEIGHT + 36, plot.xTitle, 'text-anchor="middle"'),
    text(MARGIN, 44, plot.yTitle, 'class="faint"'),
  ];
  const slots = slotsOf(series.map(({ name }) => name));
  const ends = series.map(({ points }) => height(points.at(-1)!.y));
  const labels = spreadLabels(ends);
  series.forEach(({ name, points }, index) => {
    const slot = slots[index]!;
    const at = points.map(({ x, y }) => `${round(place(x))},${round(height(y))}`);
    parts.push(`<g class="c${slot}">`, `  <polyline class="line" points="${at.join(' ')}"/>`);
    for (const { x, spread } of points) {
      if (spread === undefined) continue;
      const [low, high] = [spread.low, spread.high].map((y) => round(Math.min(height(y), TOP + INNER_HEIGHT)));
      parts.push(`  <path class="spread" d="M${round(place(x))},${low}V${high}"/>`);
    }
    parts.push(`  <path class="mark" d="${at.map((point) => `M${point}${MARKS[slot]}`).join('')}"/>`);
    // Where a label had to move, a line leads to it.
    const lastX = place(points.at(-1)!.x);
    parts.push(
      `  <path class="spread" d="M${round(lastX)},${round(ends[index]!)}L${round(right + 12)},${round(labels[index]!)}"/>`,
    );
    parts.push('</g>');
    parts.push(
      text(right + LABEL_GAP, labels[index]! + 4, name, slot === 0 ? 'class="label strong"' : 'class="label"'),
    );
  });
  return sheet(plot.title, plot.caption, HEIGHT, parts);
}

function drawGrid(axis: Axis, right: number, height: (y: number) => number, unit: string): string[] {
  const across = (y: number, name: string): string => line(LEFT, height(y), right, height(y), name);
  return [
    ...axis.between.map((y) => across(y, 'faint-rule')),
    ...axis.ticks.map((y) => across(y, 'rule')),
    ...axis.ticks.map((y) => text(LEFT - 6, height(y) + 4, withUnit(y, unit), 'text-anchor="end"')),
  ];
}

/** A colour and a mark for each name. */
function slotsOf(names: readonly string[]): readonly number[] {
  const fixed = names.map((name) => SLOTS[name]);
  // Those that others of the picture do not have; the fixed ones last, so that they mean as little else as possible.
  const free = [3, 4, 5, 1, 2, 0].filter((slot) => !fixed.includes(slot));
  const slots = fixed.map((slot) => slot ?? free.shift());
  if (slots.includes(undefined)) throw new Error(`a plot has ${MARKS.length} lines at most, not ${names.join(', ')}`);
  return slots as number[];
}

/** The wanted heights, moved apart where labels would overlap: down, and up again from the bottom. */
function spreadLabels(wanted: readonly number[]): readonly number[] {
  const order = wanted.map((_, index) => index).sort((a, b) => wanted[a]! - wanted[b]!);
  const placed = [...wanted];
  order.forEach((index, rank) => {
    if (rank > 0) placed[index] = Math.max(placed[index]!, placed[order[rank - 1]!]! + LABEL_HEIGHT);
  });
  let most = TOP + INNER_HEIGHT;
  for (const index of order.toReversed()) {
    placed[index] = Math.min(placed[index]!, most);
    most = placed[index]! - LABEL_HEIGHT;
  }
  return placed;
}
