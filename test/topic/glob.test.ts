import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import picomatch from 'picomatch/posix.js';
import { GlobTooComplexError, InvalidGlobError } from '../../src/errors.js';
import { compileGlob } from '../../src/topic/glob.js';
import { PICOMATCH_OPTIONS } from '../../src/topic/picomatch-check.js';
import { ANY_CHARACTER } from '../../src/topic/segment-pattern.js';
import { matchesAny } from '../../src/topic/selector.js';
import { size } from '../support/full.js';
import { globs, topics } from '../support/topic-arbitraries.js';

const matching: [glob: string, matched: string[], unmatched: string[]][] = [
  ['/tasks/exit', ['/tasks/exit'], ['/tasks/exit2', '/tasks', '/tasks/exit/x', '/Tasks/exit']],
  ['/service/**', ['/service', '/service/a', '/service/a/b/c'], ['/services', '/x/service']],
  ['/tasks/*', ['/tasks/exit', '/tasks/exec-added'], ['/tasks', '/tasks/a/b']],
  ['**', ['/a', '/a/b/c'], []],
  ['/**', ['/a', '/a/b/c'], []],
  ['**/exit', ['/exit', '/tasks/exit', '/a/b/exit'], ['/exit/a', '/xexit']],
  ['/**/exit', ['/tasks/exit', '/a/b/exit'], ['/exit']],
  ['/a/**/b', ['/a/b', '/a/x/b', '/a/x/y/b'], ['/a', '/b', '/a/x']],
  ['/a/*/**', ['/a/b/c', '/a/b/c/d'], ['/a/b', '/a']],
  ['/a/**/*', ['/a/b', '/a/b/c'], ['/a']],
  ['/{a,b}/**', ['/a', '/b/c'], ['/c']],
  ['/{a/**,b}', ['/a/x', '/b'], ['/a']],
  ['/a/x**', ['/a/x', '/a/xy'], ['/a/x/y', '/a/yx']],
  ['/a/**x', ['/a/x', '/a/yx'], ['/a/y/x']],
  ['/a/**{b,c}', ['/a/b', '/a/xb', '/a/x/yc', '/a/x/b'], ['/a/bx', '/a']],
  ['/tasks/exec-*', ['/tasks/exec-added'], ['/tasks/exec', '/tasks/exit']],
  ['/tasks/{exit,oom}', ['/tasks/exit', '/tasks/oom'], ['/tasks/start']],
  ['/tasks/e{xit,xec-{added,started}}', ['/tasks/exit', '/tasks/exec-started'], ['/tasks/exec-']],
  ['/a{,/b}', ['/a', '/a/b'], ['/b']],
  ['/v{1..3}', ['/v1', '/v3'], ['/v4', '/v1-3']],
  ['/v{3..1}', ['/v1', '/v2'], ['/v0']],
  ['/a?c', ['/abc', '/a.c'], ['/ac', '/a/c']],
  ['/[a-c]x', ['/ax', '/cx'], ['/dx', '/x']],
  ['/[^a]', ['/b', '/0'], ['/a']],
  ['/a[^b]c', ['/axc', '/a.c'], ['/abc', '/a/c']],
  ['/[[:upper:]]*', ['/Ab', '/Z'], ['/ab']],
  ['/a/***', ['/a/b'], ['/a', '/a/b/c']],
];
for (const [glob, matched, unmatched] of matching) {
  test(`glob ${glob} matches ${matched.join(' ')} and not ${unmatched.join(' ')}`, () => {
    const patterns = compileGlob(glob);
    for (const topic of matched) assert.equal(matchesAny(patterns, topic), true, topic);
    for (const topic of unmatched) assert.equal(matchesAny(patterns, topic), false, topic);
  });
}

const refused: [glob: string, reason: RegExp, position: number][] = [
  ['', /is empty; write "\*\*"/, 0],
  ['*', /must start with "\/" or "\*\*\/"; write "\/\*"/, 0],
  ['tasks/*', /write "\/tasks\/\*"/, 0],
  ['**.json', /must start with/, 0],
  ['***', /must start with/, 0],
  ['/', /write "\*\*" for every topic/, 0],
  ['/tasks/', /no topic ends with "\/"; write "\/tasks", or "\/tasks\/\*\*"/, 6],
  ['/tasks/**/', /no topic ends with "\/"; write "\/tasks\/\*\*" \(/, 9],
  ['/a//b', /"\/\/"/, 2],
  ['/a b', /no topic can hold " "/, 2],
  ['/é', /no topic can hold "é"/, 1],
  ['/a\\*b', /nothing needs escaping/, 2],
  ['/+(a)', /extended globs are not supported/, 1],
  ['/(a|b)', /extended globs are not supported/, 1],
  ['/!a', /extended globs are not supported/, 1],
  ['/a,b', /outside braces; give several globs as a list/, 2],
  ['/a}', /"}" without "{"/, 2],
  ['/{a,b', /"{" without "}"/, 1],
  ['/{a}', /braces without a comma/, 1],
  ['/{}', /braces without a comma/, 1],
  ['/{1..10}', /a range is two digits,/, 3],
  ['/{a..c,x}', /a range is two digits,/, 3],
  ['/{a..Z}', /a range is two digits,/, 3],
  ['/[ab', /"\[" without "\]"/, 1],
  ['/ab]', /"\]" without "\["/, 3],
  ['/[]', /empty class/, 1],
  ['/[!a]', /write "\[\^"/, 2],
  ['/[z-a]', /out of order; write a-z/, 2],
  ['/[.-9]', /reaches "\/"/, 2],
  ['/[a*]', /no topic segment can hold it/, 3],
  ['/[a/b]', /no topic segment can hold it/, 3],
  ['/[[:punct:]]', /is not one of alnum/, 2],
  ['/[^[:digit:]]', /a negated class cannot hold a named one/, 1],
  ['/[[:digit:]-z]', /a range cannot start at a named class/, 11],
  ['/[[:x', /no topic segment can hold it/, 2],
  ['/.hidden', /stand singly between letters or digits/, 1],
  ['/a..b', /stand singly/, 3],
  ['/a-', /stand singly/, 2],
  ['/a_/b', /stand singly/, 2],
  ['/a[._]-b', /stand singly/, 6],
  [`/${'a'.repeat(77)}`, /at most 76 characters/, 77],
  ['/{a-,b.}', /stand singly/, 3],
];
for (const [glob, reason, position] of refused) {
  test(`glob ${glob.slice(0, 30)} is refused at ${position}: ${reason.source}`, () => {
    assert.throws(
      () => compileGlob(glob),
      (error) => {
        assert.ok(error instanceof InvalidGlobError, String(error));
        assert.match(error.reason, reason);
        assert.equal(error.position, position);
        return true;
      },
    );
  });
}

test('globs over 256 characters or 1,024 alternatives are refused as too complex', () => {
  compileGlob(`/${'{a,b}'.repeat(10)}`);
  for (const glob of [
    `/${'{a,b}'.repeat(11)}`,
    `/${'{a,b}'.repeat(50)}`,
    `${'/a'.repeat(128)}/`,
    `/a${'/**{a,b}'.repeat(9)}`,
  ]) {
    assert.throws(() => compileGlob(glob), GlobTooComplexError, glob);
  }
});

test('a glob means what picomatch means by it, on every valid topic', () => {
  let pairs = 0;
  let matches = 0;
  fc.assert(
    fc.property(globs, fc.array(topics, { minLength: 60, maxLength: 60 }), (glob, sample) => {
      // ".." outside a range is refused, and means something odd to picomatch.
      fc.pre(!glob.replace(/\{\w\.\.\w\}/g, '').includes('..'));
      const matcher = compileOrNothing(glob);
      const reference = picomatch.makeRe(withoutPicomatchDotBug(glob), PICOMATCH_OPTIONS);
      for (const topic of sample) {
        const expected = reference.test(topic);
        assert.equal(matcher(topic), expected, `${glob} on ${topic}`);
        pairs++;
        if (expected) matches++;
      }
    }),
    { numRuns: size(1_000, 4_000) },
  );
  assert.ok(pairs >= size(50_000, 200_000) && matches > pairs / 50, `${pairs} pairs, ${matches} matches`);
});

test('a class means what picomatch means by it, on every character of a topic', () => {
  const members = fc.constantFrom(
    'a',
    'b',
    'z',
    'A',
    '0',
    '9',
    '-',
    '-',
    '.',
    '_',
    '^',
    'a-f',
    '0-9',
    '[:alpha:]',
    '[:word:]',
  );
  fc.assert(
    fc.property(fc.array(members, { minLength: 1, maxLength: 6 }), (written) => {
      const glob = `/x[${written.join('')}]y`;
      const matcher = compileOrRefused(glob);
      fc.pre(matcher !== undefined);
      const reference = picomatch.makeRe(glob, PICOMATCH_OPTIONS);
      for (const middle of [...ANY_CHARACTER, '/', '', 'ab']) {
        assert.equal(matcher(`/x${middle}y`), reference.test(`/x${middle}y`), `${glob} on /x${middle}y`);
      }
    }),
    { numRuns: size(500, 2_000) },
  );
});

function compileOrRefused(glob: string): ((topic: string) => boolean) | undefined {
  try {
    const patterns = compileGlob(glob);
    return (topic) => matchesAny(patterns, topic);
  } catch (error) {
    if (error instanceof InvalidGlobError) return undefined;
    throw error;
  }
}

/** A glob refused because it can match no topic has to match none; one refused for its form is no case. */
function compileOrNothing(glob: string): (topic: string) => boolean {
  try {
    const patterns = compileGlob(glob);
    return (topic) => matchesAny(patterns, topic);
  } catch (error) {
    fc.pre(!(error instanceof GlobTooComplexError || (error as InvalidGlobError).reason.startsWith('"//"')));
    if (error instanceof InvalidGlobError && /no topic|stand singly|a topic starts/.test(error.reason))
      return () => false;
    throw error;
  }
}

/**
 * picomatch loses the escape of "." (it then takes any character) in a glob that also has a range, a named class or three
 * stars in a row. Such globs are compared in another spelling, or not at all.
 */
function withoutPicomatchDotBug(glob: string): string {
  if (!glob.replace(/\{\w\.\.\w\}/g, '').includes('.')) return glob;
  fc.pre(!glob.includes('***'));
  return glob
    .replace(/\{(\w)\.\.(\w)\}/g, '{$1,$2}')
    .replaceAll('[:digit:]', '0-9')
    .replaceAll('[:alpha:]', 'a-zA-Z');
}
