/** The plots of the README. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawPlot, type Plot, seriesOf } from './plot.js';
import type { Report } from './results.js';

/** Writes what the report has the cases for; returns the files. */
export function writePlots({ environment, results }: Report, folder: string): readonly string[] {
  const { cpu, cores, node, command } = environment;
  // Which files were written is nobody's affair.
  const shown = command.replace(/ --(json|plots) \S+/g, '');
  const caption = `${cpu}, ${cores} cores, Node ${node}; ${shown.replace(/ --$/, '')}`;
  const plots: Record<string, Plot> = {
    'fan-out.svg': {
      title: 'Events a second until every subscriber thread has read all fields',
      xTitle: 'subscriber threads',
      yTitle: 'events/s',
      ticks: [1, 2, 4, 8],
      logarithmic: false,
      series: seriesOf(results, 'fan-out/object/', 'rate'),
      caption,
    },
    'filter.svg': {
      title: 'Time to find the one subscription that wants a new topic',
      xTitle: 'filters',
      yTitle: 'ns, logarithmic; ringcast: all of publish, the others: the look-up',
      ticks: [1, 100, 10_000],
      logarithmic: true,
      series: seriesOf(results, 'filter/new-topic/', 'cost'),
      caption,
    },
  };
  mkdirSync(folder, { recursive: true });
  return Object.entries(plots).flatMap(([name, plot]) => {
    if (plot.series.length === 0) return [];
    const file = join(folder, name);
    writeFileSync(file, drawPlot(plot));
    return [file];
  });
}
