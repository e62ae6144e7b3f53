import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { compileFilter } from '../../src/topic/filter.js';
import { compileRegularExpression } from '../../src/topic/regular-expression.js';

function isEngineLoaded(): boolean {
  return Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes('re2js'));
}

test('the engine is loaded by the first "~=", not by other filters', () => {
  compileFilter(['/tasks/**', 'topic=="/a",event.id!=b', '']);
  assert.equal(isEngineLoaded(), false);
  compileFilter('event.id~=a');
  assert.equal(isEngineLoaded(), true);
});

const rows: [source: string, matched: string[], unmatched: string[]][] = [
  ['task', ['/tasks/exit', 'task'], ['Task', '']],
  ['^/tasks/(exit|oom)$', ['/tasks/exit'], ['/tasks/exits']],
  ['(?i)TASK', ['/tasks'], ['/images']],
  ['^\\pL+$', ['é牛'], ['1']],
  ['^\\Qa.b\\E$', ['a.b'], ['axb']],
  ['^[[:digit:]]{2}\\z', ['12'], ['123']],
  ['', ['', 'anything'], []],
];
for (const [source, matched, unmatched] of rows) {
  test(`regular expression ${source} is Go's: a search unless anchored`, () => {
    const matches = compileRegularExpression(source);
    for (const text of matched) assert.equal(matches(text), true, text);
    for (const text of unmatched) assert.equal(matches(text), false, text);
    // The same answers again: nothing is remembered from text to text.
    for (const text of matched) assert.equal(matches(text), true, text);
  });
}

for (const source of ['(?=a)', '(a)\\1', '[', 'a**', '*', 'a{1001}', '(?<=a)b']) {
  test(`regular expression ${source} is refused, as Go refuses it`, () => {
    assert.throws(() => compileRegularExpression(source), SyntaxError);
  });
}
