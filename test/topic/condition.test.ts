import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allOf, anyOf, type FieldTest, fieldCondition, namespaceCondition } from '../../src/topic/condition.js';

const [a, b, c] = ['a', 'b', 'c'].map((name) =>
  fieldCondition({ path: ['event', name], operator: 'present', operand: '' }),
) as [ReturnType<typeof fieldCondition>, ReturnType<typeof fieldCondition>, ReturnType<typeof fieldCondition>];

/** Envelopes are the names of the fields that are present; notes what is compiled and what is asked. */
function recorder() {
  const compiled: string[] = [];
  const asked: string[] = [];
  const resolver = {
    namespace: () => 'n',
    compile: ({ path }: FieldTest) => {
      const name = path[1]!;
      compiled.push(name);
      return (present: string) => {
        asked.push(name);
        return present.includes(name);
      };
    },
  };
  return { compiled, asked, resolver };
}

test('all of: holds when each holds, and stops at the first that does not', () => {
  const { asked, resolver } = recorder();
  const holds = allOf([a, b, c]).bind(resolver);
  assert.deepEqual([holds('abc'), holds('ac')], [true, false]);
  assert.equal(asked.join(''), 'abcab');
});

test('any of: holds when one holds, and stops at the first that does', () => {
  const { asked, resolver } = recorder();
  const holds = anyOf([a, b, c]).bind(resolver);
  assert.deepEqual([holds('b'), holds('')], [true, false]);
  assert.equal(asked.join(''), 'ababc');
});

test('each test is compiled once per bind, however many envelopes it meets', () => {
  const { compiled, resolver } = recorder();
  const condition = allOf([namespaceCondition((namespace) => namespace === 'n'), anyOf([a, b]), c]);
  const holds = condition.bind(resolver);
  assert.deepEqual([holds('ac'), holds('bc'), holds('c'), holds('ab')], [true, true, false, false]);
  assert.deepEqual(compiled, ['a', 'b', 'c']);
  assert.deepEqual(
    condition.tests.map(({ path }) => path[1]),
    ['a', 'b', 'c'],
  );
});
