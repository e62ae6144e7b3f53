/** What `ringcast top` shows of a sample: lines of text for a screen of a size. */
import { styleText } from 'node:util';
import type { Sample } from '../../observe/serving/protocol.js';
import { bytes, count, rate, seconds } from './figures.js';
import { cut, fitted } from './text-cells.js';
import { rowsOf, type Sort, STUCK_MS, sorted, type TopRow } from './top-rows.js';

export interface ViewOptions {
  readonly columns: number;
  readonly rows: number;
  readonly colour: boolean;
  readonly sort: Sort;
  /** Rows of the table that are scrolled past. */
  readonly skip: number;
  /** Which of how many buses. */
  readonly which: string;
  readonly paused: boolean;
}

type Style = Parameters<typeof styleText>[0];

interface Column {
  readonly title: string;
  readonly width: number;
  /** Room for what is shown is found from the left: names and filters are cut, numbers never. */
  readonly right?: boolean;
  cell(row: TopRow, previous: TopRow | undefined, seconds: number): string;
}

const COLUMNS: readonly Column[] = [
  { title: 'NAME', width: 22, cell: ({ name }) => name },
  { title: 'STATE', width: 10, cell: ({ state }) => state },
  {
    title: 'EVENTS/s',
    width: 9,
    right: true,
    cell: ({ events }, previous, seconds) => rate(events, previous?.events, seconds),
  },
  { title: 'BACKLOG', width: 9, right: true, cell: ({ backlogBytes }) => bytes(backlogBytes) },
  { title: 'STUCK', width: 7, right: true, cell: ({ stuckMs }) => (stuckMs < STUCK_MS ? '' : seconds(stuckMs)) },
  { title: 'LAGGED', width: 8, right: true, cell: ({ lagged }) => count(lagged) },
  { title: 'FAILED', width: 8, right: true, cell: ({ failed }) => count(failed) },
  { title: 'RESTARTS', width: 8, right: true, cell: ({ restarts }) => count(restarts) },
  { title: 'DEAD', width: 6, right: true, cell: ({ deadLetters }) => count(deadLetters) },
  { title: 'THREAD', width: 10, cell: ({ thread }) => thread },
  { title: 'FILTER', width: 0, cell: ({ about }) => about },
];

/** Lines of `columns` characters at most, `rows` at most. */
export function viewOf(sample: Sample, previous: Sample | undefined, options: ViewOptions): string[] {
  const { columns, rows, colour } = options;
  const style = (text: string, as: Style): string => (colour ? styleText(as, text) : text);
  const seconds = previous === undefined ? 0 : (sample.uptimeMs - previous.uptimeMs) / 1_000;
  const { health } = sample;
  const head = [
    style(cut(titleOf(sample, options), columns), 'bold'),
    cut(countsOf(sample, previous, seconds), columns),
    cut(ringOf(sample, columns), columns),
    style(cut(health.ok ? 'ok' : health.message, columns), health.ok ? 'green' : 'red'),
    style(
      rowOf(columns, ({ title }) => title),
      'inverse',
    ),
  ];
  const before = new Map((previous === undefined ? [] : rowsOf(previous)).map((row) => [row.key, row]));
  const all = sorted(rowsOf(sample), options.sort);
  const room = Math.max(0, rows - head.length - 1);
  const shown = all.slice(options.skip, options.skip + room);
  const table = shown.map((row) => {
    const text = rowOf(columns, (column) => column.cell(row, before.get(row.key), seconds));
    return row.level === 'ok' ? text : style(text, row.level === 'bad' ? 'red' : 'yellow');
  });
  const hidden = all.length - shown.length;
  return [...head, ...table, style(cut(footOf(options, hidden), columns), 'dim')].slice(0, rows);
}

function titleOf({ name, pid, uptimeMs, node }: Sample, { which, paused }: ViewOptions): string {
  const up = new Date(uptimeMs).toISOString().slice(11, 19);
  const days = Math.floor(uptimeMs / 86_400_000);
  return `${name}  pid ${pid}  served for ${days > 0 ? `${days} d ` : ''}${up}  Node ${node}  ${which}${paused ? '  PAUSED' : ''}`;
}

function countsOf({ stats }: Sample, previous: Sample | undefined, seconds: number): string {
  const before = previous?.stats;
  const { pending } = stats;
  return [
    `published ${rate(stats.published, before?.published, seconds)}/s`,
    `written ${rate(stats.written, before?.written, seconds)}/s`,
    `unwanted ${rate(stats.unwanted, before?.unwanted, seconds)}/s`,
    `refused ${count(stats.refused)}`,
    `queued ${count(pending.events)} (${bytes(pending.bytes)})`,
    `evicted ${count(stats.evictions)}`,
    `wakes ${rate(stats.wakes, before?.wakes, seconds)}/s`,
    `topics ${count(stats.topics)}`,
    ...(stats.cut.events > 0 ? [`lost with connections ${count(stats.cut.events)}`] : []),
    ...stats.bridges.map(({ name, state }) => `bridge ${name} ${state}`),
  ].join('  ');
}

function ringOf({ stats: { ring } }: Sample, columns: number): string {
  const width = Math.max(10, Math.min(40, Math.floor(columns / 4)));
  const full = Math.round((ring.usedBytes / ring.capacityBytes) * width);
  const held = ring.heldBy === undefined ? '' : `  held by ${ring.heldBy}`;
  const since = ring.stalledMs < 1 ? '' : ` for ${seconds(ring.stalledMs)}`;
  const bar = `${'#'.repeat(full)}${'.'.repeat(width - full)}`;
  return `ring [${bar}] ${bytes(ring.usedBytes)} of ${bytes(ring.capacityBytes)}${held}${since}`;
}

function footOf({ sort }: ViewOptions, hidden: number): string {
  const more = hidden > 0 ? `${hidden} more: up, down   ` : '';
  return `${more}q quit   s sort (${sort})   p pause   + - interval   n next bus`;
}

function rowOf(columns: number, textOf: (column: Column) => string): string {
  let row = '';
  let taken = 0;
  for (const column of COLUMNS) {
    const room = columns - taken;
    const width = column.width === 0 ? room : column.width;
    // A number that is cut off says something else.
    if (width > room || room < 4) break;
    row += fitted(textOf(column), width, column.right);
    taken += width;
    if (taken < columns) {
      row += ' ';
      taken++;
    }
  }
  return fitted(row, columns);
}
