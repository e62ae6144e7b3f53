/** What is valid in a filter and surely not meant, and how it is said. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { explain } from '../../src/topic/explain.js';
import { compileFilter, type FilterInput } from '../../src/topic/filter.js';
import { findSlip } from '../../src/topic/filter-slip.js';

const TOPICS = ['/tasks', '/tasks/exit', '/a'];

const slips: readonly (readonly [filter: FilterInput, message: RegExp])[] = [
  [
    'tasks',
    /^filter "tasks": no envelope has the field tasks, so .* never holds; a topic is written "\/tasks", .*event\.tasks$/,
  ],
  ['TASKS', /a topic is written "\/TASKS"/],
  ['tasks.exit', /a topic is written "\/tasks\/exit"/],
  ['"/tasks/exit"', /a topic is written "\/tasks\/exit"/],
  ['"tasks-exit"', /a topic is written "\/tasks-exit"/],
  [['/a', 'tasks'], /^filter "tasks"/],
  [{ topics: '/a', where: 'tasks' }, /^filter "tasks"/],
  [{ where: ['event.id', 'tasks'] }, /^filter "tasks"/],
  ['topic,tasks', /the field tasks/],
  ['exit_status!=0', /so the condition always holds; a field of an event is written event\.exit_status$/],
  ['exit_status==0', /so the condition never holds; a field of an event is written event\.exit_status$/],
  ['labels.tier==1', /event\.labels\.tier$/],
  ['typeUrl', /the field typeUrl/],
  ['id~="^c"', /no envelope has the field id; .*event\.id$/],
  ['Topic=="/a"', /no envelope has the field Topic, .*; write topic$/],
  ['topics=="/a"', /; write topic$/],
  ['Namespace==a', /; write namespace$/],
  ['envelope.topic=="/a"', /; write topic$/],
  ['timestamp.seconds>5', /the field timestamp\.seconds, .*; write timestamp$/],
  ['event', /the field event, .*; write event\.…$/],
  ['event!=5', /the field event, so the condition always holds/],
  ['"event.id"', /the field "event\.id", .*; write event\.id$/],
  ['Event.id', /; write event\.id$/],
  ['envelope.event.id==1', /; write event\.id$/],
  ['topic==tasks', /no topic is "tasks", so the condition never holds; write topic=="\/tasks"$/],
  ['topic=="tasks/exit/"', /; write topic=="\/tasks\/exit"$/],
  ['topic!=tasks', /no topic is "tasks", so the condition always holds; write topic!="\/tasks"$/],
  ['topic==tasks/*', /a glob is a filter of its own: "\/tasks\/\*"$/],
  ['topic=="/tasks/*"', /a glob is a filter of its own: "\/tasks\/\*"$/],
  ['topic!="/tasks/*"', /\{ exclude: "\/tasks\/\*" \}$/],
  ['topic==""', /no topic is ""/],
  ['topic=="/a b"', /no topic is "\/a b"/],
  ['namespace=="/k8s.io"', /no namespace is "\/k8s\.io", so the condition never holds; write "k8s\.io"$/],
  ['namespace!="a b"', /no namespace is "a b", so the condition always holds/],
  ['topic=="/a",topic=="/b"', /"," means "and", and no event has two values of topic; give a list of filters$/],
];

const meant: readonly FilterInput[] = [
  ...['', '**', '/tasks', 'topic', 'namespace', 'timestamp', 'event.tasks', 'event.a.b==5', 'event."a.b"', '"topic"'],
  ...['topic=="/tasks"', 'topic=="/tasks",topic=="/tasks"', 'topic!="/a",topic!="/b"', 'topic~="tasks"', 'topic<"b"'],
  ...['namespace==default', 'timestamp>5', 'topic.foo', 'event.id==1,event.id==2'],
  ...[[], {}, ['/a', 'topic'], { topics: '/a', exclude: '/b', namespaces: 'default', where: 'event.id' }],
];

describe('a filter that is valid and surely not meant', () => {
  for (const [filter, message] of slips) {
    test(`${JSON.stringify(filter)} is named, with what was probably meant`, () => {
      const slip = findSlip(compileFilter(filter).source);
      assert.equal(slip?.code, 'BUS_SUSPICIOUS_FILTER');
      assert.match(slip.message, message);
    });
  }

  test('selects nothing or everything, as the message and explain say', () => {
    const single = slips.flatMap(([filter]) => (typeof filter === 'string' && !filter.includes(',') ? [filter] : []));
    for (const filter of single) {
      const compiled = compileFilter(filter);
      const holds = TOPICS.map((topic) => compiled.forTopic(topic));
      const { message } = findSlip(filter)!;
      if (message.includes('never holds') && !filter.startsWith('namespace'))
        assert.deepEqual(new Set(holds), new Set([false]), filter);
      if (message.includes('always holds') && !filter.startsWith('namespace'))
        assert.deepEqual(new Set(holds), new Set([true]), filter);
      assert.match(explain(filter), /\((a field that no envelope has|which no (topic|namespace) is)\)$/);
    }
  });
});

describe('a filter that may be meant', () => {
  for (const filter of meant) {
    test(`${JSON.stringify(filter)} is not named`, () => {
      assert.equal(findSlip(compileFilter(filter).source), undefined);
      assert.doesNotMatch(explain(filter), /\((a field|which) /);
    });
  }

  test('and one that does not parse is left to whoever refuses it', () => {
    assert.equal(findSlip('tasks/*'), undefined);
  });
});
