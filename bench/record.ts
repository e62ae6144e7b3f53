/** Keeps a run in the repository: the results, the plots, and the figures on the pages. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { missingRows, withFigures } from './page-figures.js';
import { writePlots } from './plots.js';
import type { Report } from './results.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The one file that the figures on all pages are from. */
export const RESULTS = 'bench/results.json';
/** What is drawn from it. */
export const PLOTS = 'bench/plots';

/** The pages that may have figures: those at the top level, and below `bench` and `src`. */
export function pages(): readonly string[] {
  return ['.', 'bench', 'src'].flatMap((top) =>
    readdirSync(join(root, top), { recursive: top !== '.', encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(top, name)),
  );
}

/** Writes them; returns the files. */
export function recordReport(report: Report): readonly string[] {
  const missing = missingRows(report);
  if (missing.length > 0) throw new Error(`the run has no results of ${missing.join(', ')}, which the pages show`);
  writeFileSync(join(root, RESULTS), `${JSON.stringify(report)}\n`);
  const changed = pages().filter((page) => {
    const text = readFileSync(join(root, page), 'utf8');
    const filled = withFigures(text, report);
    if (filled !== text) writeFileSync(join(root, page), filled);
    return filled !== text;
  });
  // A case that is gone leaves no plot behind.
  rmSync(join(root, PLOTS), { recursive: true, force: true });
  return [RESULTS, ...changed, ...writePlots(report, join(root, PLOTS))];
}
