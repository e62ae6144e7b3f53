/** Every figure of performance on the pages of the repository is what `bench/results.json` says. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { figures, withFigures, withoutFigures } from '../../bench/page-figures.js';
import { pages, RESULTS } from '../../bench/record.js';
import { type Report, resultOf } from '../../bench/results.js';
import { median } from '../../bench/statistics.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const textOf = (page: string): string => readFileSync(join(root, page), 'utf8');
/** Its figures are of other servers, tried by hand; the page says on what. */
const OF_SERVERS = 'src/bridges/README.md';
const report = JSON.parse(textOf(RESULTS)) as Report;

describe('figures on the pages of the repository', () => {
  test('are those of the results, to the letter', () => {
    for (const page of pages()) assert.equal(textOf(page), withFigures(textOf(page), report), page);
  });

  test('are used, each of them', () => {
    const used = pages().flatMap((page) => [...textOf(page).matchAll(/<!-- measured: (\S+) -->/g)].map((m) => m[1]!));
    assert.deepEqual([...new Set(used)].sort(), Object.keys(figures).sort());
  });

  test('are medians of what was measured', () => {
    assert.ok(report.results.length > 50);
    for (const { results } of [report, ...(report.beside ?? [])]) {
      for (const { case: benchCase, subject, metric, value, samples } of results) {
        assert.equal(value, median(samples), `${benchCase} ${subject} ${metric}`);
      }
    }
  });

  test('stand side by side where they were measured on several Nodes', () => {
    const other = { ...report, environment: { ...report.environment, node: '98.7.6' } };
    const table = figures.table!({ ...report, beside: [other] });
    const [head, , ...rows] = table.trim().split('\n');
    assert.match(head!, /\| Node 98, /);
    for (const row of rows) {
      const cells = row.split('|').map((cell) => cell.trim());
      assert.equal(cells[3], cells[4], row);
      assert.match(cells[3]!, /^\d.* : \d/);
    }
    assert.match(figures.environment!({ ...report, beside: [other] }), /, 98\.7\.6, /);
  });

  test('say where another one is ahead, and nothing where none is', () => {
    const measured = (subject: string, value: number) => resultOf('publish/none', subject, 'cost', 'ns', [value]);
    const losses = (ours: number): string =>
      figures.losses!({
        ...report,
        results: [measured('ringcast', ours), measured('EventEmitter', 4), measured('diagnostics_channel', 2)],
      });
    assert.match(losses(5), /behind .* in `publish\/none` \(2\.5 × the time of `diagnostics_channel`\)\.$/);
    assert.match(losses(1), /in nothing of the table\.$/);
  });

  test('stand nowhere else', () => {
    for (const page of pages()) {
      if (page === OF_SERVERS) continue;
      assert.doesNotMatch(withoutFigures(textOf(page)), /\d (ns|µs|MiB\/s|M events\/s|events\/s)\b|\d times as/, page);
    }
  });
});
