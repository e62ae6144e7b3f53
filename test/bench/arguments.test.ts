import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { commandOf, parseBenchArguments, parseCompareArguments, UsageError } from '../../bench/arguments.js';

describe('command line of the benchmark suite', () => {
  test('measures everything unless told otherwise', () => {
    const { only, subject, ...others } = parseBenchArguments([]);
    assert.ok(only.test('fan-out/object/1') && subject.test('ringcast'));
    assert.deepEqual(others, {
      json: undefined,
      plots: undefined,
      quick: false,
      rounds: undefined,
      from: undefined,
      record: false,
      skipMissing: false,
      inProcess: false,
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

  test('holds two files of results against each other, within 15 % unless told otherwise', () => {
    const files = ['quick.json', 'full.json'];
    const parsed = parseCompareArguments([...files, '--only', 'cold']);
    assert.ok('files' in parsed && parsed.only.test('cold/1') && !parsed.only.test('raw'));
    assert.deepEqual({ files: parsed.files, within: parsed.within }, { files, within: 0.15 });
    assert.deepEqual(parseCompareArguments([...files, '--within', '5']), { files, only: /(?:)/, within: 0.05 });
  });

  test('takes several Nodes, behind one option or several', () => {
    assert.deepEqual(parseBenchArguments(['--node', 'a', 'b', '--quick']).nodes, ['a', 'b']);
    assert.deepEqual(parseBenchArguments(['--node', 'a', '--node', 'b']).nodes, ['a', 'b']);
  });

  test('draws into a folder of its own unless told another', () => {
    for (const args of [['--plots'], ['--plots', '--quick'], ['--quick', '--plots']]) {
      assert.equal(parseBenchArguments(args).plots, 'plots');
    }
    assert.equal(parseBenchArguments(['--plots', 'pictures', '--quick']).plots, 'pictures');
  });

  test('is said again in results, without the places that results went to', () => {
    const given = ['--quick', '--rounds', '5', '--only', 'cold', '--json', 'a', '--plots', 'b', '--node', 'c', 'd'];
    const said = 'npm run bench -- --only cold --quick --rounds 5 --node 24.1.0 20.2.0';
    assert.equal(commandOf(parseBenchArguments(given), ['24.1.0', '20.2.0']), said);
    assert.equal(commandOf(parseBenchArguments(['--record']), []), 'npm run bench');
    assert.equal(commandOf(parseBenchArguments(['--in-process']), []), 'npm run bench -- --in-process');
  });

  const refused: readonly [name: string, parse: () => unknown][] = [
    ['an option that does not exist', () => parseBenchArguments(['--fast'])],
    ['a word that is no option', () => parseBenchArguments(['publish'])],
    ['an expression that does not parse', () => parseBenchArguments(['--only', '('])],
    ['a file without a name', () => parseBenchArguments(['--json'])],
    ['to record a part of the suite', () => parseBenchArguments(['--record', '--only', 'publish'])],
    ['rounds that are none', () => parseBenchArguments(['--rounds', '0'])],
    ['results of an earlier run, and to measure', () => parseBenchArguments(['--from', 'a', '--quick'])],
    ['results of an earlier run, and a process', () => parseBenchArguments(['--from', 'a', '--in-process'])],
    ['other Nodes in this process', () => parseBenchArguments(['--in-process', '--node', 'a'])],
    ['nothing to compare', () => parseCompareArguments([])],
    ['three commits', () => parseCompareArguments(['a', 'b', 'c'])],
    ['one file of results', () => parseCompareArguments(['a.json'])],
    ['a file of results and a commit', () => parseCompareArguments(['a.json', 'main'])],
    ['rounds of files', () => parseCompareArguments(['a.json', 'b.json', '--rounds', '9'])],
    ['how far commits may be apart', () => parseCompareArguments(['a', 'b', '--within', '9'])],
    ['too few rounds', () => parseCompareArguments(['a', '--rounds', '4'])],
    ['rounds that are no number', () => parseCompareArguments(['a', '--rounds', 'many'])],
  ];
  for (const [name, parse] of refused) test(`refuses ${name}`, () => assert.throws(parse, UsageError));
});
