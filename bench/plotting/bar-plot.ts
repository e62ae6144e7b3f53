/** Bars from 0 on, in groups: each with its name above it and its value at its right. */
import { linearAxis } from './axis.js';
import { line, MARGIN, round, sheet, text, WIDTH, withUnit } from './frame.js';

interface Bar {
  readonly name: string;
  readonly value: number;
  /** Whether it is one of ours: drawn in our colour, the others in grey. */
  readonly ours: boolean;
  /** Quartiles of the rounds. */
  readonly spread: { readonly low: number; readonly high: number };
}

export interface BarPlot {
  readonly title: string;
  /** What the bars are. */
  readonly axisTitle: string;
  readonly unit: string;
  readonly groups: readonly { readonly name: string; readonly bars: readonly Bar[] }[];
  /** On what it was measured. */
  readonly caption: string;
}

const TOP = 38;
const GROUP_HEIGHT = 26;
const ROW_HEIGHT = 29;
const BAR_HEIGHT = 8;
const BOTTOM = 66;
const RIGHT = WIDTH - MARGIN;
const INNER_WIDTH = RIGHT - MARGIN;

export function drawBars({ title, axisTitle, unit, groups, caption }: BarPlot): string {
  const axis = linearAxis(groups.flatMap(({ bars }) => bars.flatMap(({ value, spread }) => [value, spread.high])));
  const place = (value: number): number => MARGIN + INNER_WIDTH * axis.share(value);
  const rows: string[] = [];
  let y = TOP;
  for (const { name, bars } of groups) {
    rows.push(text(MARGIN, y + 18, name, 'class="strong"'));
    y += GROUP_HEIGHT;
    for (const bar of bars) {
      rows.push(
        text(MARGIN, y + 12, bar.name, ''),
        text(RIGHT, y + 12, withUnit(bar.value, unit), 'text-anchor="end"'),
      );
      const width = round(Math.max(1, place(bar.value) - MARGIN));
      const colour = bar.ours ? 'c0 mark' : 'peer';
      rows.push(`<rect class="${colour}" x="${MARGIN}" y="${y + 17}" width="${width}" height="${BAR_HEIGHT}"/>`);
      const { low, high } = bar.spread;
      const middle = y + 17 + BAR_HEIGHT / 2;
      rows.push(line(place(low), middle, place(high), middle, 'quartiles'));
      y += ROW_HEIGHT;
    }
  }
  y += 6;
  const last = axis.ticks.length - 1;
  const anchor = (index: number): string => (index === 0 ? 'start' : index === last ? 'end' : 'middle');
  const parts = [
    ...axis.ticks.map((value) => line(place(value), TOP + 4, place(value), y, 'faint-rule')),
    ...rows,
    ...axis.ticks.map((value, index) =>
      text(place(value), y + 14, withUnit(value, unit), `class="faint" text-anchor="${anchor(index)}"`),
    ),
    text(WIDTH / 2, y + 32, axisTitle, 'class="faint" text-anchor="middle"'),
  ];
  return sheet(title, caption, y + BOTTOM, parts);
}
