/** Plots as SVG, readable on light and dark pages. */

import { number } from './report.js';
import type { Result } from './results.js';

export interface Series {
  readonly name: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

export interface Plot {
  readonly title: string;
  readonly xTitle: string;
  readonly yTitle: string;
  /** Numbers on the x axis: as many places as there are, evenly spaced. */
  readonly ticks: readonly number[];
  /** Whether y is logarithmic; else it starts at 0. */
  readonly logarithmic: boolean;
  readonly series: readonly Series[];
  /** Machine and command, under the plot. */
  readonly caption: string;
}

const WIDTH = 760;
const HEIGHT = 420;
const LEFT = 76;
const RIGHT = 190;
const TOP = 48;
const BOTTOM = 84;
const INNER_WIDTH = WIDTH - LEFT - RIGHT;
const INNER_HEIGHT = HEIGHT - TOP - BOTTOM;
const LABEL_HEIGHT = 16;

/** Told apart without colour, too, by the name at the end of each line. */
const COLOURS = ['#2f81f7', '#d9822b', '#3fa34d', '#a371f7', '#db4a5b'];

const STYLE = `
    text { font: 13px system-ui, sans-serif; fill: #24292f }
    .title { font-size: 15px; font-weight: 600 }
    .small { font-size: 11px; fill: #57606a }
    .grid { stroke: #d0d7de; stroke-width: 1 }
    .line { fill: none; stroke-width: 2.5; stroke-linejoin: round }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .small { fill: #9198a1 }
      .grid { stroke: #30363d }
    }`;

export function drawPlot(plot: Plot): string {
  const ys = plot.series.flatMap(({ points }) => points.map(({ y }) => y));
  const axis = plot.logarithmic ? logarithmicAxis(ys) : linearAxis(ys);
  const place = (x: number): number =>
    LEFT + (plot.ticks.indexOf(x) / Math.max(1, plot.ticks.length - 1)) * INNER_WIDTH;
  const height = (y: number): number => TOP + INNER_HEIGHT * (1 - axis.share(y));

  const parts: string[] = [];
  for (const y of axis.ticks) {
    const at = round(height(y));
    parts.push(`<line class="grid" x1="${LEFT}" x2="${LEFT + INNER_WIDTH}" y1="${at}" y2="${at}"/>`);
    parts.push(text(LEFT - 8, at + 4, compact(y), 'text-anchor="end"'));
  }
  for (const x of plot.ticks) parts.push(text(place(x), TOP + INNER_HEIGHT + 20, number(x), 'text-anchor="middle"'));
  parts.push(text(LEFT, 24, plot.title, 'class="title"'));
  parts.push(text(LEFT + INNER_WIDTH / 2, TOP + INNER_HEIGHT + 40, plot.xTitle, 'text-anchor="middle"'));
  parts.push(text(LEFT, TOP - 8, plot.yTitle, 'class="small"'));
  parts.push(text(LEFT, HEIGHT - 12, plot.caption, 'class="small"'));

  const ends = spreadLabels(plot.series.map(({ points }) => height(points.at(-1)!.y)));
  plot.series.forEach(({ name, points }, index) => {
    const colour = COLOURS[index % COLOURS.length]!;
    const places = points.map(({ x, y }) => [round(place(x)), round(height(y))] as const);
    parts.push(`<polyline class="line" stroke="${colour}" points="${places.map((at) => at.join(',')).join(' ')}"/>`);
    for (const [x, y] of places) parts.push(`<circle cx="${x}" cy="${y}" r="3.5" fill="${colour}"/>`);
    const last = points.at(-1)!;
    parts.push(text(place(last.x) + 10, ends[index]! + 4, `${name}  ${compact(last.y)}`, `style="fill: ${colour}"`));
  });

  const body = parts.map((part) => `  ${part}`).join('\n');
  const size = `width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img">\n  <title>${escapeText(plot.title)}</title>\n  <style>${STYLE}\n  </style>\n${body}\n</svg>\n`;
}

interface Axis {
  readonly ticks: readonly number[];
  /** Where a value lies, from 0 to 1. */
  share(value: number): number;
}

function logarithmicAxis(values: readonly number[]): Axis {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i));
  return { ticks, share: (value) => (Math.log10(value) - low) / (high - low) };
}

function linearAxis(values: readonly number[]): Axis {
  const most = Math.max(...values);
  const magnitude = 10 ** Math.floor(Math.log10(most / 4));
  const step = [1, 2, 5, 10].map((factor) => factor * magnitude).find((size) => size * 5 >= most)!;
  const top = Math.ceil(most / step) * step;
  const ticks = Array.from({ length: Math.round(top / step) + 1 }, (_, i) => i * step);
  return { ticks, share: (value) => value / top };
}

/** The wanted heights, moved apart where labels would overlap. */
function spreadLabels(wanted: readonly number[]): readonly number[] {
  const order = wanted.map((_, index) => index).sort((a, b) => wanted[a]! - wanted[b]!);
  const placed = [...wanted];
  order.forEach((index, rank) => {
    if (rank > 0) placed[index] = Math.max(placed[index]!, placed[order[rank - 1]!]! + LABEL_HEIGHT);
  });
  return placed;
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${round(x)}" y="${round(y)}" ${attributes}>${escapeText(content)}</text>`;
}

function escapeText(content: string): string {
  return content.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

function compact(value: number): string {
  if (value >= 1e6) return `${number(value / 1e6)} M`;
  return value >= 1e4 ? `${number(value / 1e3)} k` : number(value);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** One line for each subject: `prefix` and a number name the cases. */
export function seriesOf(results: readonly Result[], prefix: string, metric: string): readonly Series[] {
  const bySubject = new Map<string, { x: number; y: number }[]>();
  for (const result of results) {
    if (!result.case.startsWith(prefix) || result.metric !== metric) continue;
    const point = { x: Number(result.case.slice(prefix.length)), y: result.value };
    const points = bySubject.get(result.subject);
    if (points === undefined) bySubject.set(result.subject, [point]);
    else points.push(point);
  }
  return [...bySubject].map(([name, points]) => ({ name, points: points.sort((a, b) => a.x - b.x) }));
}
