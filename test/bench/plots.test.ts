/** The pictures of `bench/plots`: each family of cases has one, made from the results and from nothing else. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadCases } from '../../bench/cases.js';
import { plotsOf } from '../../bench/plots.js';
import { pictures } from '../../bench/plotting/pictures.js';
import { PLOTS, RESULTS } from '../../bench/record.js';
import type { Report } from '../../bench/results.js';
import { assertWellFormed } from '../support/well-formed-xml.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const report = JSON.parse(readFileSync(join(root, RESULTS), 'utf8')) as Report;
const drawn = plotsOf(report);
/** What it shows is that a value does not grow: there is nothing to look at. */
const WITHOUT = ['memory/steady'];
/** Characters that a picture has room for, where they are bold. */
const MAX_TITLE = 46;

describe('plots', () => {
  test('are those of the results, each of them and no other', () => {
    assert.deepEqual(readdirSync(join(root, PLOTS)).sort(), [...drawn.keys()].sort());
    for (const [name, svg] of drawn) assert.equal(readFileSync(join(root, PLOTS, name), 'utf8'), svg, name);
  });

  test('are well-formed XML', () => {
    for (const svg of drawn.values()) assertWellFormed(svg);
  });

  test('have titles that fit their width', () => {
    const titles = pictures.flatMap((picture) => [
      picture.title,
      ...Object.values(picture.kind === 'bars' ? (picture.names ?? {}) : {}),
    ]);
    for (const title of titles) assert.ok(title.length <= MAX_TITLE, title);
  });

  test('show every case of the suite', async () => {
    for (const { name } of await loadCases()) {
      const shown = pictures.some(({ cases }) => cases.test(name));
      assert.equal(shown, !WITHOUT.includes(name), name);
    }
  });

  test('show every case of the results', () => {
    for (const { case: name, subject } of report.results) {
      if (WITHOUT.includes(name)) continue;
      const { file } = pictures.find(({ cases }) => cases.test(name))!;
      assert.ok(drawn.get(`${file}.svg`)!.includes(`>${subject}`), `${file} does not show ${subject}`);
    }
  });

  test('show latency as the distribution of all events', () => {
    const measured = report.results.filter(({ case: name, metric }) => /^latency\//.test(name) && metric === 'p50');
    assert.ok(measured.length > 0);
    for (const { case: name, subject, value, percentiles } of measured) {
      assert.ok(percentiles !== undefined, `${name} ${subject}`);
      assert.ok(value > 0 && percentiles.length > 5);
      percentiles.reduce(([x, y], [nextX, nextY]) => {
        assert.ok(nextX > x && nextY >= y, `${name} ${subject}: ${percentiles}`);
        return [nextX, nextY];
      });
    }
  });

  test('stand on the page of the benchmarks, each of them, beside what they are pictures of', () => {
    const page = readFileSync(join(root, 'bench/README.md'), 'utf8');
    const shown = [...page.matchAll(/!\[[^\]]+\]\(plots\/([^)]+)\)/g)].map(([, name]) => name!);
    assert.deepEqual(shown.sort(), pictures.map(({ file }) => `${file}.svg`).sort());
  });
});
