import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseBenchArguments, parseCompareArguments, UsageError } from '../../bench/arguments.js';

describe('command line of the benchmark suite', () => {
  test('measures everything unless told otherwise', () => {
    const { only, subject, ...others } = parseBenchArguments([]);
    assert.ok(only.test('fan-out/object/1') && subject.test('ringcast'));
    assert.deepEqual(others, {
      json: undefined,
      plots: undefined,
      quick: false,
      record: false,
      skipMissing: false,
      nodes: [],
    });
  });

  test('compares a commit with the current one, five rounds each', () => {
    assert.deepEqual(parseCompareArguments(['v1', '--only', 'publish']), {
      base: 'v1',
      head: 'HEAD',
      only: 'publish',
      rounds: 5,
    });
  });

  test('takes several Nodes, behind one option or several', () => {
    assert.deepEqual(parseBenchArguments(['--node', 'a', 'b', '--quick']).nodes, ['a', 'b']);
    assert.deepEqual(parseBenchArguments(['--node', 'a', '--node', 'b']).nodes, ['a', 'b']);
  });

  const refused: readonly [name: string, parse: () => unknown][] = [
    ['an option that does not exist', () => parseBenchArguments(['--fast'])],
    ['a word that is no option', () => parseBenchArguments(['publish'])],
    ['an expression that does not parse', () => parseBenchArguments(['--only', '('])],
    ['a file without a name', () => parseBenchArguments(['--json'])],
    ['to record a part of the suite', () => parseBenchArguments(['--record', '--only', 'publish'])],
    ['nothing to compare', () => parseCompareArguments([])],
    ['three commits', () => parseCompareArguments(['a', 'b', 'c'])],
    ['too few rounds', () => parseCompareArguments(['a', '--rounds', '4'])],
    ['rounds that are no number', () => parseCompareArguments(['a', '--rounds', 'many'])],
  ];
  for (const [name, parse] of refused) test(`refuses ${name}`, () => assert.throws(parse, UsageError));
});
