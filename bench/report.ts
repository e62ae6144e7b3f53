/** Tables for a terminal. */
import type { Environment } from './environment.js';
import { floors, judge } from './floors.js';
import type { Result } from './results.js';
import { spreadOf } from './statistics.js';

export function environmentText(environment: Environment): string {
  const { cpu, cores, os, node, v8, commit, dirty, loadAverage } = environment;
  return [
    `${cpu}, ${cores} cores, ${os}`,
    `Node ${node}, V8 ${v8}, commit ${commit.slice(0, 12)}${dirty ? ' with changes' : ''}, load average ${loadAverage.toFixed(1)}`,
  ].join('\n');
}

/** Results of one case: each subject's median, quartiles, and how many times ours it is. */
export function caseTable(results: readonly Result[]): string {
  const rows = results.map((result) => {
    const { low, high } = spreadOf(result.samples);
    const ours = results.find((other) => other.subject === 'ringcast' && other.metric === result.metric);
    const ratio = ours === undefined || ours === result ? '' : `${number(result.value / ours.value)} x ringcast`;
    const spread = result.samples.length > 1 ? `${number(low)} - ${number(high)}` : '';
    return [`  ${result.subject}`, result.metric, number(result.value), result.unit, spread, ratio];
  });
  return `${results[0]!.case}\n${align(rows, [2, 4])}`;
}

/** The medians of one case on several Nodes, side by side. */
export function nodesTable(name: string, versions: readonly string[], byNode: readonly (readonly Result[])[]): string {
  const [first = []] = byNode;
  const rows = first.map(({ subject, metric, unit }) => {
    const medians = byNode.map((results) => results.find((r) => r.subject === subject && r.metric === metric)?.value);
    return [`  ${subject}`, metric, ...medians.map((value) => (value === undefined ? '-' : number(value))), unit];
  });
  return align([[name, '', ...versions, ''], ...rows], [2, 3, 4, 5].slice(0, versions.length));
}

/** Each floor that the run has figures for. */
export function floorTable(results: readonly Result[]): string {
  const rows = floors.flatMap((floor) => {
    const verdict = judge(floor, results);
    if (verdict === undefined) return [];
    const { ratio, against, holds } = verdict;
    const bound = floor.atMost === undefined ? `>= ${floor.atLeast}` : `<= ${floor.atMost}`;
    const to = against === undefined ? '' : `x ${against}`;
    const spread = `${number(ratio.low)} - ${number(ratio.high)}`;
    return [[holds ? 'holds' : 'MISSED', `${floor.case} ${floor.metric}`, number(ratio.median), to, spread, bound]];
  });
  return rows.length === 0 ? '' : align(rows, [2]);
}

/** Three significant digits, or the whole number where it has more. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en');
  return Number(value.toPrecision(3)).toString();
}

/** Columns as wide as their widest cell; `right` are aligned to the right. */
export function align(rows: readonly (readonly string[])[], right: readonly number[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (right.includes(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
