import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvalidGlobError } from '../../src/errors.js';
import { explain } from '../../src/topic/explain.js';
import type { FilterInput } from '../../src/topic/filter.js';

const rows: [filter: FilterInput, words: string][] = [
  ['', 'every event'],
  [[], 'every event'],
  [{}, 'every event'],
  [['/a', ''], 'every event'],
  ['**', 'events where topic is any'],
  ['/**', 'events where topic is any'],
  ['/*', 'events where topic has 1 segment'],
  ['/tasks/exit', 'events where topic is "/tasks/exit"'],
  ['/tasks/*', 'events where topic is one level below "/tasks"'],
  ['/service/**', 'events where topic is "/service" or below it'],
  ['/a/*/**', 'events where topic is at least 2 levels below "/a"'],
  ['/a/*/*', 'events where topic is 2 levels below "/a"'],
  ['/{a/**,b}', 'events where topic is below "/a" or topic is "/b"'],
  ['/*/*', 'events where topic has 2 segments'],
  ['/tasks/e*', 'events where topic matches "/tasks/e*"'],
  ['/a/**/b', 'events where topic matches "/a/**/b"'],
  ['/tasks/{exit,oom}', 'events where topic is "/tasks/exit" or topic is "/tasks/oom"'],
  ['/{a,b}{c,d}{e,f}{g,h}', 'events where topic matches "/{a,b}{c,d}{e,f}{g,h}"'],
  [
    'topic=="/tasks/exit",event.exit_status!=0,namespace',
    'events where topic is "/tasks/exit" and (event.exit_status is not "0" or is absent) and namespace is present',
  ],
  ['container_id==abc', 'events where container_id is "abc" (a field that no envelope has)'],
  ['topic=="/tasks/*"', 'events where topic is "/tasks/*" (which no topic is)'],
  ['event.labels."a.b"~=|^x|', 'events where event.labels."a.b" matches the regular expression "^x"'],
  [
    { topics: ['/a', '/b'], exclude: '/a', namespaces: 'n', where: 'event.pid>=5' },
    'events where (topic is "/a" or topic is "/b") and not (topic is "/a") and namespace is "n" and event.pid is at least "5"',
  ],
];
for (const [filter, words] of rows) {
  test(`explain ${JSON.stringify(filter)}`, () => assert.equal(explain(filter), words));
}

test('explain refuses what compileFilter refuses', () => {
  assert.throws(() => explain('/a/'), InvalidGlobError);
});
