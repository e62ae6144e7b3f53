import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  GlobTooComplexError,
  InvalidFilterError,
  InvalidGlobError,
  InvalidOptionError,
  UnknownOptionError,
} from '../../src/errors.js';
import { compileFilter, type FilterInput } from '../../src/topic/filter.js';

const wanted: [name: string, filter: FilterInput, wanted: string[], unwanted: string[]][] = [
  ['a string is one glob', '/tasks/*', ['/tasks/exit'], ['/images/create']],
  ['a list is OR', ['/tasks/*', '/images/*'], ['/tasks/exit', '/images/create'], ['/content/create']],
  ['an empty list selects everything', [], ['/a', '/b/c'], []],
  ['an empty object selects everything', {}, ['/a', '/b/c'], []],
  ['a key without strings restricts nothing', { topics: [], exclude: [], where: [] }, ['/a'], []],
  ['topics is OR within', { topics: ['/a', '/b'] }, ['/a', '/b'], ['/c']],
  ['exclude takes away', { topics: '/a/*', exclude: ['/a/x', '/a/y'] }, ['/a/z'], ['/a/x', '/a/y', '/b']],
  ['exclude alone selects the rest', { exclude: '/a/**' }, ['/b'], ['/a', '/a/b']],
];
for (const [name, filter, topicsWanted, topicsUnwanted] of wanted) {
  test(`filter: ${name}`, () => {
    const compiled = compileFilter(filter);
    for (const topic of topicsWanted) assert.equal(compiled.forTopic(topic), true, topic);
    for (const topic of topicsUnwanted) assert.equal(compiled.forTopic(topic), false, topic);
  });
}

const refused: [filter: unknown, error: abstract new (...args: never[]) => Error, message: RegExp][] = [
  [undefined, InvalidFilterError, /must be a string, a list of strings or an object/],
  [null, InvalidFilterError, /must be/],
  [42, InvalidFilterError, /must be/],
  [() => true, InvalidFilterError, /must be/],
  [/\/tasks/, InvalidFilterError, /must be/],
  [new URL('file:///audit.js'), InvalidFilterError, /must be/],
  [['/a', 1], InvalidFilterError, /must be a string/],
  [[['/a']], InvalidFilterError, /must be a string/],
  [new Array(1), InvalidFilterError, /must be a string/],
  ['/a/', InvalidGlobError, /no topic ends with/],
  [['/a', '/b/'], InvalidGlobError, /no topic ends with/],
  [`/${'{a,b}'.repeat(20)}`, GlobTooComplexError, /more than 1024 alternatives/],
  [{ topic: '/a' }, UnknownOptionError, /unknown option "topic"; known options: topics/],
  [{ topics: 1 }, InvalidOptionError, /topics must be a string or a list of strings/],
  [{ topics: ['/a', null] }, InvalidOptionError, /topics must be/],
  [{ topics: 'tasks/*' }, InvalidGlobError, /write "\/tasks\/\*"/],
  [{ topics: 'topic=="/a"' }, InvalidGlobError, /give expressions in "where"/],
  [{ exclude: '' }, InvalidGlobError, /is empty/],
  [{ namespaces: 'a b' }, InvalidOptionError, /namespaces must be a namespace/],
  [{ where: '/tasks/*' }, InvalidFilterError, /is a glob; give it in "topics"/],
];
for (const [filter, kind, message] of refused) {
  test(`filter ${String(JSON.stringify(filter)).slice(0, 40)} is refused with ${kind.name}: ${message.source}`, () => {
    assert.throws(
      () => compileFilter(filter as FilterInput),
      (error) => error instanceof kind && message.test(error.message),
    );
  });
}

test('the source is a frozen copy that compiles to the same filter after a structured clone', () => {
  const input = { topics: ['/a/*'], exclude: '/a/x', namespaces: undefined };
  const compiled = compileFilter(input);
  input.topics.push('/b');
  assert.deepEqual(compiled.source, { topics: ['/a/*'], exclude: '/a/x' });
  assert.ok(Object.isFrozen(compiled.source) && Object.isFrozen((compiled.source as { topics: string[] }).topics));
  const again = compileFilter(structuredClone(compiled.source));
  assert.deepEqual(again.source, compiled.source);
  assert.deepEqual(
    ['/a/b', '/a/x', '/b'].map((topic) => again.forTopic(topic)),
    [true, false, false],
  );
});
