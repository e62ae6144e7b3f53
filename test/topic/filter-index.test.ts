import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BusError } from '../../src/errors.js';
import { type CompiledFilter, compileFilter, type FilterInput } from '../../src/topic/filter.js';
import { type FilterHandle, FilterIndex } from '../../src/topic/filter-index.js';
import { size } from '../support/full.js';
import { globs, topics } from '../support/topic-arbitraries.js';

function subscribersOf(index: FilterIndex<string>, topic: string): string[] {
  return index.match(topic).map(({ subscriber }) => subscriber);
}

test('match answers in the order of add, once per handle', () => {
  const index = new FilterIndex<string>();
  index.add(compileFilter('/tasks/*'), 'star');
  index.add(compileFilter(['/tasks/exit', '/tasks/**', '/{tasks,images}/e*']), 'list');
  index.add(compileFilter('**'), 'all');
  index.add(compileFilter('/tasks/exit'), 'literal');
  index.add(compileFilter('/tasks/exit'), 'star');
  index.add(compileFilter([]), 'everything');
  index.add(compileFilter('/images/*'), 'images');
  assert.deepEqual(subscribersOf(index, '/tasks/exit'), ['star', 'list', 'all', 'literal', 'star', 'everything']);
  assert.deepEqual(subscribersOf(index, '/other'), ['all', 'everything']);
});

test('remove is idempotent, leaves neighbours alone and raises the version once', () => {
  const index = new FilterIndex<string>();
  const filter = compileFilter('/a/{b,c*,*d,**}');
  const first = index.add(filter, 'first');
  index.add(filter, 'second');
  const version = index.version;
  index.remove(first);
  index.remove(first);
  assert.equal(index.version, version + 1);
  assert.equal(index.size, 1);
  for (const topic of ['/a/b', '/a/cx', '/a/xd', '/a/x/y']) assert.deepEqual(subscribersOf(index, topic), ['second']);
});

test('a handle of another index is not removed', () => {
  const index = new FilterIndex<string>();
  index.add(compileFilter('/a'), 'kept');
  index.remove(new FilterIndex<string>().add(compileFilter('/a'), 'foreign'));
  assert.deepEqual(subscribersOf(index, '/a'), ['kept']);
});

test('namespaces leave a condition, topics and exclude do not', () => {
  const index = new FilterIndex<string>();
  index.add(compileFilter({ topics: '/tasks/*', exclude: '/tasks/oom' }), 'plain');
  index.add(compileFilter({ topics: '/tasks/*', namespaces: 'k8s.io' }), 'scoped');
  const [plain, scoped] = index.match('/tasks/exit');
  assert.equal(plain?.condition, undefined);
  const holds = scoped?.condition?.bind({ namespace: (envelope: string) => envelope, compile: () => () => false });
  assert.deepEqual([holds?.('k8s.io'), holds?.('default')], [true, false]);
  assert.deepEqual(subscribersOf(index, '/tasks/oom'), ['scoped']);
});

test('only filters that one of their patterns leads to are asked', () => {
  const index = new FilterIndex<number>();
  let asked = 0;
  for (let number = 0; number < 1_000; number++) {
    const topics = [`/a/${number}`, `/a/p${number}*`, `/a/*s${number}`, `/a/**/${number}`][number % 4]!;
    const filter = compileFilter({ topics, namespaces: 'n' });
    const forTopic = (topic: string) => {
      asked++;
      return filter.forTopic(topic);
    };
    index.add({ ...filter, forTopic }, number);
  }
  for (const [topic, matches] of [
    ['/a/8', 1],
    ['/a/p9x', 1],
    ['/a/xs10', 1],
    ['/a/x/11', 1],
    ['/a/none', 0],
  ] as const) {
    asked = 0;
    assert.equal(index.match(topic).length, matches, topic);
    assert.equal(asked, matches, topic);
  }
});

const filters: fc.Arbitrary<FilterInput> = fc.oneof(
  { weight: 6, arbitrary: globs },
  { weight: 2, arbitrary: fc.array(globs, { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.record({ topics: globs, exclude: globs }, { requiredKeys: [] }) },
  { weight: 1, arbitrary: fc.record({ topics: globs, namespaces: fc.constant('n') }) },
);

/** What the filter compiles to; undefined when it is refused. */
function compiled(input: FilterInput): CompiledFilter | undefined {
  try {
    return compileFilter(input);
  } catch (error) {
    if (error instanceof BusError) return undefined;
    throw error;
  }
}

test('the index answers what its filters answer one by one, under any adds and removes', () => {
  const steps = fc.array(fc.oneof({ weight: 3, arbitrary: filters }, { weight: 1, arbitrary: fc.nat() }), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(steps, fc.array(topics, { minLength: 20, maxLength: 20 }), (script, sample) => {
      const index = new FilterIndex<number>();
      const present: { filter: CompiledFilter; handle: FilterHandle; subscriber: number }[] = [];
      for (const [subscriber, step] of script.entries()) {
        if (typeof step === 'number') {
          for (const { handle } of present.splice(step % (present.length + 1), 1)) index.remove(handle);
          continue;
        }
        const filter = compiled(step);
        if (filter !== undefined) present.push({ filter, subscriber, handle: index.add(filter, subscriber) });
      }
      for (const topic of sample) {
        const expected = present.filter(({ filter }) => filter.forTopic(topic) !== false);
        const found = index.match(topic);
        assert.deepEqual(
          found.map(({ subscriber, condition }) => [subscriber, condition !== undefined]),
          expected.map(({ subscriber, filter }) => [subscriber, filter.forTopic(topic) !== true]),
          topic,
        );
      }
    }),
    { numRuns: size(150, 500) },
  );
});
