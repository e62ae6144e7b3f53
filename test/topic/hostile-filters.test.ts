import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BusError } from '../../src/errors.js';
import { explain } from '../../src/topic/explain.js';
import { compileFilter, type FilterInput } from '../../src/topic/filter.js';
import { codePoint } from '../support/code-points.js';
import { size } from '../support/full.js';
import { topics } from '../support/topic-arbitraries.js';

const globLike = fc
  .array(fc.constantFrom(...'/ab*?[]{},.^-!:()|+@\\\0 é1', '**', '/**/', '[^', '[:alpha:]', '..'), { maxLength: 24 })
  .map((parts) => `/${parts.join('')}`);
const expressionLike = fc
  .array(
    fc.constantFrom(
      ...'.,=!~<>"/|\\ \n\0é1a',
      'topic',
      'event',
      'namespace',
      'timestamp',
      '==',
      '~=',
      '"x"',
      '"/a"',
      '\ud800',
    ),
    { maxLength: 16 },
  )
  .map((parts) => parts.join(''));
const anyText = fc.oneof(globLike, expressionLike, fc.string({ unit: codePoint, maxLength: 40 }));

test('any text compiles to a filter that answers and explains itself, or is refused with an error of ours', () => {
  let accepted = 0;
  fc.assert(
    fc.property(anyText, topics, (text, topic) => {
      try {
        const answer = compileFilter(text).forTopic(topic);
        assert.ok(typeof answer === 'boolean' || typeof answer.bind === 'function');
        assert.equal(typeof explain(text), 'string');
        accepted++;
      } catch (error) {
        if (!(error instanceof BusError)) throw error;
      }
    }),
    { numRuns: size(20_000, 100_000) },
  );
  assert.ok(accepted > size(200, 1_000), `${accepted} accepted`);
});

test('any value compiles to a filter or is refused with an error of ours, and is never changed', () => {
  const value = fc.anything({
    withNullPrototype: true,
    withDate: true,
    withMap: true,
    withTypedArray: true,
    withBigInt: true,
  });
  const key = fc.constantFrom('topics', 'exclude', 'namespaces', 'where', 'else');
  const texts = fc.oneof(fc.constantFrom('/a', '**', 'event.id', 'n', ''), value);
  const spec = fc.dictionary(key, fc.oneof(texts, fc.array(texts, { maxLength: 3 })));
  fc.assert(
    fc.property(fc.oneof(spec, value, fc.array(anyText)), (input) => {
      const before = fc.stringify(input);
      try {
        compileFilter(input as FilterInput);
      } catch (error) {
        if (!(error instanceof BusError)) throw error;
      }
      assert.equal(fc.stringify(input), before);
    }),
    { numRuns: size(1_500, 5_000) },
  );
});

const hostile = [
  '/*a*b/*a*b/*a*b/*a*b/c',
  '/*a*a*a*a*a*a*b',
  '/**/a/**/a/**/a/**/a/**/b',
  `/${'*a'.repeat(60)}*b`,
  `${'/**/a'.repeat(50)}/b`,
  `${'/**/*a*'.repeat(35)}/b`,
  `/**{a,b}${'/**{a,b}'.repeat(3)}`,
];
for (const glob of hostile) {
  test(`hostile glob ${glob.slice(0, 40)} misses a long topic of near misses`, () => {
    const filter = compileFilter(glob);
    for (const topic of [`/${'a'.repeat(76)}`.repeat(13), '/a'.repeat(512), `/${'ab'.repeat(38)}`.repeat(13)]) {
      assert.equal(filter.forTopic(`${topic.slice(0, 1020)}/z`), false);
    }
  });
}

test('the keys of a filter are read as own properties only', () => {
  assert.equal(compileFilter(JSON.parse('{"topics":"/a"}') as FilterInput).forTopic('/b'), false);
  assert.throws(() => compileFilter(JSON.parse('{"__proto__":"/a"}') as FilterInput), /unknown option "__proto__"/);
  assert.throws(() => compileFilter(JSON.parse('{"constructor":"/a"}') as FilterInput), /unknown option "constructor"/);
});
