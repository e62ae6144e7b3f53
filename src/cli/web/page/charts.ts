/** The four charts of the page. */
import uPlot from 'uplot';
import { bytes, count } from '../../top/figures.js';
import { BACKLOGS, type History } from '../history.js';

const HEIGHT = 160;
/** Seconds that are shown, however many samples there are yet. */
const SPAN_SECONDS = 300;
const NARROW = 420;

interface Line {
  readonly label: string;
  readonly values: readonly (number | null)[];
  readonly text: string;
}

interface ChartKind {
  readonly title: string;
  readonly format: (value: number) => string;
  /** Steps of the axis. */
  readonly steps: number[];
  /** The axis goes up to this at least. */
  readonly least: number;
  /** What is drawn now, by the number of its colour; undefined: nothing in that place. */
  lines(history: History): readonly (Line | undefined)[];
  /** Beside the lines' own: what else there is to say now. */
  note?(history: History): string;
  most?(history: History): number;
}

const COUNTS = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();
const SIZES = Array.from({ length: 31 }, (_, power) => 2 ** power);

const latest = (values: readonly (number | null)[]): number => values.at(-1) ?? 0;
const whole = (value: number): string => count(Math.round(value));

const KINDS: readonly ChartKind[] = [
  {
    title: 'Events per second',
    format: whole,
    steps: COUNTS,
    least: 1,
    lines: ({ published, delivered }) => [
      { label: 'published', values: published, text: whole(latest(published)) },
      { label: 'delivered', values: delivered, text: whole(latest(delivered)) },
    ],
  },
  {
    title: 'Ring',
    format: bytes,
    steps: SIZES,
    least: 1_024,
    lines: ({ used }) => [{ label: 'used', values: used, text: bytes(latest(used)) }],
    note({ latest: sample }) {
      const ring = sample?.stats.ring;
      return ring?.heldBy === undefined ? 'held by nobody' : `held by ${ring.heldBy}`;
    },
    most: ({ latest: sample }) => sample?.stats.ring.capacityBytes ?? 0,
  },
  {
    title: 'Backlog',
    format: bytes,
    steps: SIZES,
    least: 1_024,
    lines: (history) =>
      history
        .backlogs()
        .map((line) => line && { label: line.name, values: line.values, text: bytes(latest(line.values)) }),
  },
  {
    title: 'Records missed per second',
    format: whole,
    steps: COUNTS,
    least: 1,
    lines: ({ lagged }) => [{ label: 'missed', values: lagged, text: whole(latest(lagged)) }],
    note: ({ marks }) => marks.at(-1)?.what ?? 'no eviction and no restart lately',
  },
];

export class Charts {
  readonly #charts: readonly Chart[];

  constructor(parent: HTMLElement) {
    this.#charts = KINDS.map((kind) => new Chart(kind, parent));
    // Colours of the lines are read as they are drawn.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      for (const chart of this.#charts) chart.repaint();
    });
  }

  show(history: History): void {
    for (const chart of this.#charts) chart.show(history);
  }
}

class Chart {
  readonly #kind: ChartKind;
  readonly #legend = document.createElement('ul');
  readonly #plot: uPlot;
  #history: History | undefined;

  constructor(kind: ChartKind, parent: HTMLElement) {
    this.#kind = kind;
    const figure = document.createElement('figure');
    const caption = document.createElement('figcaption');
    caption.textContent = kind.title;
    this.#legend.className = 'legend';
    const place = document.createElement('div');
    // The legend and the table say the same in words.
    place.setAttribute('aria-hidden', 'true');
    figure.append(caption, this.#legend, place);
    parent.append(figure);
    this.#plot = new uPlot(this.#options(), [[], ...Array.from({ length: BACKLOGS }, () => [])], place);
    new ResizeObserver(() => this.#plot.setSize({ width: place.clientWidth, height: HEIGHT })).observe(place);
  }

  show(history: History): void {
    this.#history = history;
    const { times } = history;
    const lines = this.#kind.lines(history);
    const data = Array.from({ length: BACKLOGS }, (_, place) => lines[place]?.values ?? times.map(() => null));
    this.#plot.setData([times, ...data] as unknown as uPlot.AlignedData);
    const items = lines.flatMap((line, place) =>
      line === undefined ? [] : [item(` ${line.text}`, line.label, place)],
    );
    const note = this.#kind.note?.(history);
    if (note !== undefined) items.push(item(note));
    this.#legend.replaceChildren(...items);
  }

  repaint(): void {
    this.#plot.redraw(false, true);
  }

  #options(): uPlot.Options {
    const { format, steps, least, most } = this.#kind;
    const axis = {
      stroke: () => colour('--soft'),
      grid: { stroke: () => colour('--line'), width: 1 },
      ticks: { show: false },
    };
    const highest = (drawn: number | null): number =>
      Math.max(least, (this.#history && most?.(this.#history)) || (drawn ?? 0) * 1.1);
    return {
      width: 300,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { range: (_, __, last) => [last - SPAN_SECONDS, last] },
        y: { range: (_, __, drawn) => [0, highest(drawn)] },
      },
      axes: [
        {
          ...axis,
          size: 28,
          splits: (plot, _, __, last) => minutesOf(plot).map((minutes) => last - minutes * 60),
          values: (plot) => minutesOf(plot).map((minutes) => (minutes === 0 ? 'now' : `-${minutes} min`)),
        },
        { ...axis, values: (_, splits) => splits.map(format), size: 64, space: 36, incrs: steps },
      ],
      series: [
        {},
        ...Array.from({ length: BACKLOGS }, (_, place) => ({
          stroke: () => colour(`--series-${place}`),
          width: 2,
          points: { show: false },
        })),
      ],
      hooks: { draw: [(plot) => this.#drawMarks(plot)] },
    };
  }

  /** A line from top to bottom where something was lost or went wrong. */
  #drawMarks(plot: uPlot): void {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.strokeStyle = colour('--bad');
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
    for (const { at } of this.#history?.marks ?? []) {
      const x = plot.valToPos(at, 'x', true);
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  }
}

function item(text: string, label = '', series?: number): HTMLLIElement {
  const element = document.createElement('li');
  // A name with directional characters turns nothing round but itself.
  const name = document.createElement('bdi');
  name.textContent = label;
  element.append(name, text);
  if (series !== undefined) element.dataset.series = `${series}`;
  return element;
}

function minutesOf({ width }: uPlot): readonly number[] {
  return width < NARROW ? [4, 2, 0] : [4, 3, 2, 1, 0];
}

function colour(variable: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
}
