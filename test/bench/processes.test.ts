import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { UsageError } from '../../bench/arguments.js';
import { nodeAt, ProcessError, type Progress, runInProcesses } from '../../bench/processes.js';

const folder = mkdtempSync(join(tmpdir(), 'ringcast-bench-'));
after(() => rmSync(folder, { recursive: true }));

const log = join(folder, 'log');
const measuring = { quick: true, subject: '', skipMissing: false };
const file = 'publish';
const silent: Progress = { onStart() {}, onCase() {}, onLine() {} };

/** Stands for a Node: writes down which case it is given, and measures how many there have been. */
function fakeNode(name: string) {
  const path = join(folder, name);
  writeFileSync(
    path,
    `#!/bin/sh
if [ "$1" = -p ]; then echo '{ "node": "${name}", "v8": "8.${name}" }'; exit; fi
echo "${name} $3 $4" >> '${log}'
echo "$3 peer is skipped" >&2
if [ "$3" = failing ]; then echo "failing, ringcast: an event is missing" >&2; exit 1; fi
count=$(grep -c . '${log}')
cat <<END
[{ "case": "$3", "subject": "ringcast", "metric": "p50", "unit": "us", "value": $count, "samples": [$count],
   "percentiles": [[0, $count], [50, 10], [9$count, 20]] }]
END
`,
  );
  chmodSync(path, 0o755);
  return nodeAt(path);
}

const caseNamed = (name: string, once = false) => ({ name, file, once, run: async () => [] });

function logged(): string[] {
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  rmSync(log);
  return lines.map((line) => line.replace(/ \{.*"begin":(\d)\}/, ' $1'));
}

describe('processes of the benchmark suite', () => {
  test('measure a case each, in rounds over all cases; each gives one sample', () => {
    const results = runInProcesses([fakeNode('a')], [caseNamed('x'), caseNamed('y')], 3, measuring, silent);
    assert.deepEqual(logged(), ['a x 0', 'a y 0', 'a x 1', 'a y 1', 'a x 2', 'a y 2']);
    assert.deepEqual(
      results[0]!.map(({ case: name, samples, value }) => [name, samples, value]),
      [
        ['x', [1, 3, 5], 3],
        ['y', [2, 4, 6], 4],
      ],
    );
  });

  test('have the median of each percentile that all of them know', () => {
    const [results] = runInProcesses([fakeNode('a')], [caseNamed('x')], 3, measuring, silent);
    logged();
    assert.deepEqual(results![0]!.percentiles, [
      [0, 2],
      [50, 10],
    ]);
  });

  test('of several Nodes take turns, and another begins each time', () => {
    const nodes = [fakeNode('a'), fakeNode('b')];
    assert.deepEqual(
      nodes.map(({ node, v8 }) => [node, v8]),
      [
        ['a', '8.a'],
        ['b', '8.b'],
      ],
    );
    const results = runInProcesses(nodes, [caseNamed('x'), caseNamed('y')], 2, measuring, silent);
    assert.deepEqual(
      logged().map((line) => line.slice(0, 3)),
      ['a x', 'b x', 'b y', 'a y', 'b x', 'a x', 'a y', 'b y'],
    );
    assert.deepEqual(
      results.map((ofNode) => ofNode.map(({ samples }) => samples)),
      [
        [
          [1, 6],
          [4, 7],
        ],
        [
          [2, 5],
          [3, 8],
        ],
      ],
    );
  });

  test('measure once what says all in one process', () => {
    const [results] = runInProcesses([fakeNode('a')], [caseNamed('x', true), caseNamed('y')], 2, measuring, silent);
    assert.deepEqual(logged(), ['a x 0', 'a y 0', 'a y 1']);
    assert.deepEqual(
      results!.map(({ samples }) => samples.length),
      [1, 2],
    );
  });

  test('tell of each case when its rounds are over, and of each line once', () => {
    const told: string[] = [];
    runInProcesses([fakeNode('a')], [caseNamed('x'), caseNamed('y')], 2, measuring, {
      onStart: (round, index) => void told.push(`${round} ${index}`),
      onCase: ({ name }, [results]) => void told.push(`${name}: ${results![0]!.samples.length} samples`),
      onLine: (line) => void told.push(line),
    });
    logged();
    assert.deepEqual(told, [
      ...['0 0', 'x peer is skipped', '0 1', 'y peer is skipped'],
      ...['1 0', 'x: 2 samples', '1 1', 'y: 2 samples'],
    ]);
  });

  test('end with the first that fails, and with what it said', () => {
    const cases = [caseNamed('x'), caseNamed('failing'), caseNamed('y')];
    assert.throws(
      () => runInProcesses([fakeNode('a')], cases, 2, measuring, silent),
      (error) => error instanceof ProcessError && /^failing failed on Node a:\n.*\n.*is missing$/.test(error.message),
    );
    assert.deepEqual(logged(), ['a x 0', 'a failing 0']);
  });

  test('are refused where there is no Node', () => {
    assert.throws(() => nodeAt(join(folder, 'none')), UsageError);
  });
});
