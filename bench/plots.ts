/** The plots of a report, each made from its results and from nothing else. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawBars } from './plotting/bar-plot.js';
import { drawLines, type LinePlot, type Series } from './plotting/line-plot.js';
import {
  type BarPicture,
  type LinePicture,
  type PercentilePicture,
  type Picture,
  pictures,
} from './plotting/pictures.js';
import { number } from './report.js';
import type { Report, Result } from './results.js';
import { spreadOf } from './statistics.js';

/** Writes the plots that the report has results for; returns the files. */
export function writePlots(report: Report, folder: string): readonly string[] {
  mkdirSync(folder, { recursive: true });
  return [...plotsOf(report)].map(([name, svg]) => {
    const file = join(folder, name);
    writeFileSync(file, svg);
    return file;
  });
}

/** Name and SVG of each. Of several Nodes, they show the first. */
export function plotsOf({ environment, results }: Report): ReadonlyMap<string, string> {
  const { cpu, cores, node, date } = environment;
  const caption = `Node ${node}, ${cores} cores of ${cpu}, ${date.slice(0, 10)}`;
  const plots = new Map<string, string>();
  for (const picture of pictures) {
    const shown = results.filter((result) => picture.cases.test(result.case));
    if (shown.length > 0) plots.set(`${picture.file}.svg`, draw(picture, shown, caption));
  }
  return plots;
}

function draw(picture: Picture, results: readonly Result[], caption: string): string {
  if (picture.kind === 'lines') return drawLines(linesOf(picture, results, caption));
  if (picture.kind === 'percentiles') return drawLines(percentilesOf(picture, results, caption));
  return drawBars({
    title: picture.title,
    axisTitle: picture.axisTitle,
    unit: unitOf(results, Object.keys(picture.metrics)),
    groups: groupsOf(picture, results),
    caption,
  });
}

const X_TITLES = { threads: 'threads', events: 'events, logarithmic', filters: 'filters, logarithmic' };

function linesOf(picture: LinePicture, results: readonly Result[], caption: string): LinePlot {
  const { title, cases, metric, over, yTitle, logarithmic = false } = picture;
  const series = seriesOf(results, cases, metric);
  const xs = [...new Set(series.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);
  return {
    title,
    xTitle: X_TITLES[over],
    yTitle,
    yUnit: unitOf(results, [metric]),
    logarithmic,
    place: Math.log10,
    from: xs[0]!,
    to: xs.at(-1)!,
    ticks: xs.map((x) => ({ x, label: x >= 1e4 ? `${number(x / 1e3)}k` : number(x) })),
    series,
    caption,
  };
}

/** A line for each subject. */
export function seriesOf(results: readonly Result[], cases: RegExp, metric: string): readonly Series[] {
  return bySubject(results.filter((result) => result.metric === metric && cases.test(result.case))).map(
    ([name, own]) => ({
      name,
      points: own
        .map((result) => ({
          x: Number(cases.exec(result.case)![1]),
          y: result.value,
          spread: spreadOf(result.samples),
        }))
        .sort((a, b) => a.x - b.x),
    }),
  );
}

const PERCENTILE_TICKS = [50, 90, 99, 99.9, 99.99];

function percentilesOf(picture: PercentilePicture, results: readonly Result[], caption: string): LinePlot {
  const { title, metric, yTitle } = picture;
  const known = results.filter((result) => result.metric === metric && result.percentiles !== undefined);
  const series = known.map(({ subject, percentiles }) => ({
    name: subject,
    points: percentiles!.map(([x, y]) => ({ x, y })),
  }));
  const most = Math.max(...series.map(({ points }) => points.at(-1)!.x));
  return {
    title,
    xTitle: 'percentile of the events',
    yTitle,
    yUnit: unitOf(results, [metric]),
    logarithmic: true,
    // Each nine takes as much room as the one before.
    place: (percentile) => -Math.log10(1 - percentile / 100),
    from: 0,
    to: most,
    ticks: PERCENTILE_TICKS.filter((x) => x <= most).map((x) => ({ x, label: String(x) })),
    series,
    caption,
  };
}

function groupsOf({ metrics, names = {}, ours = /^ringcast/ }: BarPicture, results: readonly Result[]) {
  const shown = results.filter(({ metric }) => metric in metrics);
  return [...new Set(shown.map((result) => result.case))].map((benchCase) => {
    const own = shown.filter((result) => result.case === benchCase);
    const several = new Set(own.map(({ metric }) => metric)).size > 1;
    return {
      name: names[benchCase] ?? benchCase,
      bars: own.map(({ subject, metric, value, samples }) => ({
        name: several ? `${subject}, ${metrics[metric]}` : subject,
        value,
        ours: ours.test(subject),
        spread: spreadOf(samples),
      })),
    };
  });
}

function bySubject(results: readonly Result[]): readonly (readonly [string, readonly Result[]])[] {
  const names = [...new Set(results.map(({ subject }) => subject))];
  return names.map((name) => [name, results.filter(({ subject }) => subject === name)]);
}

function unitOf(results: readonly Result[], metrics: readonly string[]): string {
  return results.find(({ metric }) => metrics.includes(metric))!.unit;
}
