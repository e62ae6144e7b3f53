import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvalidFilterError } from '../../src/errors.js';
import { compileFilter, type FilterInput } from '../../src/topic/filter.js';
import { passes } from '../support/plain-envelopes.js';

const envelope = {
  topic: '/tasks/exit',
  namespace: 'default',
  seconds: 1_700_000_000,
  nanos: 5,
  event: { id: 'abc', n: 7, size: 9_007_199_254_740_993n, ratio: 0.5, ok: true, empty: '', labels: { 'a.b/c': 'x' } },
};

// What containerd's exchange answers for such an envelope, run against it; "ours" marks where we differ on purpose.
const rows: [filter: FilterInput, passes: boolean, difference?: 'ours'][] = [
  ['', true],
  ['topic', true],
  ['topic=="/tasks/exit"', true],
  ['topic~="/tasks/.+"', true],
  ['topic~=|^/tasks/|', true],
  ['topic~=/\\/tasks\\/exit/', true],
  ['topic~=task', true],
  ['topic~="/task"', true],
  ['topic~="/tasks/*"', true],
  ['topic=="/tasks/*"', false],
  ['topic!="/tasks/exit"', false],
  ['"topic"=="/tasks/exit"', true],
  ['TOPIC=="/tasks/exit"', false],
  ['topic.x=="/tasks/exit"', true],
  ["topic=='/tasks/exit'", false],
  ['topic=="\\x2ftasks\\x2fexit"', true],
  ['nosuch!=foo', true],
  ['nosuch~=".*"', true],
  ['nosuch', false],
  ['event', false],
  ['event.id', true],
  ['event.id==abc', true],
  ['event.missing==""', false],
  ['event.missing!=x', true],
  ['event.id==abc,event.id==def', false],
  ['namespace==default,topic=="/tasks/exit"', true],
  ['namespace!=default', false],
  ['namespace~=^def', true],
  ['namespace', true],
  [['nosuch', 'topic'], true],
  [['', 'nosuch'], true],
  ['event.labels."a.b/c"==x', true],
  ['event.labels.a."b/c"==x', true],
  ['event.labels.a', false],
  ['timestamp', true, 'ours'],
  ['timestamp.seconds', false],
  ['event.n==1', false],
  ['event.n==7', true, 'ours'],
  ['event.n>6,event.n<=7', true, 'ours'],
  ['event.n>6.5', true, 'ours'],
  ['event.n>x', false, 'ours'],
  ['event.n!=x', true],
  ['event.size==9007199254740993', true, 'ours'],
  ['event.size==9007199254740992', false],
  ['event.ratio<1', true, 'ours'],
  ['event.ok==true', true],
  ['event.id<abd', true, 'ours'],
  ['event.empty==""', true, 'ours'],
  ['event.empty', false],
  ['event.missing~=".*"', false, 'ours'],
  ['event.missing<1', false, 'ours'],
  ['timestamp>=2023-11-14T22:13:20Z', true, 'ours'],
  ['timestamp==1700000000.000000005', true, 'ours'],
  ['timestamp<1700000000.000000005', false, 'ours'],
  ['timestamp~=^2023', true, 'ours'],
  [{ topics: '/tasks/*', where: 'event.id==abc' }, true],
  [{ topics: '/tasks/*', where: ['event.id==x', 'event.n==7'] }, true],
  [{ where: ['topic=="/x"', 'event.n==8'] }, false],
  [{ where: ['topic=="/tasks/exit"', 'event.n==8'] }, true],
  [{ namespaces: ['a', 'default'], where: 'event.id' }, true],
  [{ namespaces: 'a', where: 'event.id' }, false],
  [{ exclude: '/tasks/exit', where: '' }, false],
  [['/images/*', 'event.id==abc'], true],
];
for (const [filter, expected, difference] of rows) {
  test(`${JSON.stringify(filter)} ${expected ? 'passes' : 'stops'} the envelope${difference ? ' (ours)' : ''}`, () => {
    assert.equal(passes(filter, envelope), expected);
  });
}

test('what only depends on the topic leaves no condition', () => {
  const filter = compileFilter('topic~=|^/tasks/|,topic!="/tasks/oom",topic');
  assert.deepEqual(
    ['/tasks/exit', '/tasks/oom', '/images/create'].map((topic) => filter.forTopic(topic)),
    [true, false, false],
  );
});

test('a condition lists its field tests with the path as written', () => {
  const answer = compileFilter({ where: ['topic,event.id==abc,event.labels."a.b"', 'timestamp>5'] }).forTopic('/t');
  assert.ok(typeof answer === 'object');
  assert.deepEqual(answer.tests, [
    { path: ['event', 'id'], operator: '==', operand: 'abc' },
    { path: ['event', 'labels', 'a.b'], operator: 'present', operand: '' },
    { path: ['timestamp'], operator: '>', operand: '5' },
  ]);
});

const refused: [filter: string, message: RegExp, position: number][] = [
  ['topic~="["', /error parsing regexp: missing closing \]/, 7],
  ['topic~="/tasks/**"', /that is a glob: give "\/tasks\/\*\*" as a filter of its own/, 7],
  ['event.id~="(?=x)"', /invalid or unsupported Perl syntax/, 10],
  [`event.id~="${'a'.repeat(1025)}"`, /1025 characters, at most 1024/, 10],
  ['event.id~="(a{100}){11}"', /invalid repeat count/, 10],
  ['event.id~="a{600}b{600}"', /1202 instructions, at most 1024 are allowed/, 10],
  ['namespace==a,timestamp>soon', /timestamp compares with RFC 3339/, 23],
  ['timestamp>2023-02-30', /timestamp compares with RFC 3339/, 10],
];
for (const [filter, message, position] of refused) {
  test(`${filter.slice(0, 40)} is refused when compiled`, () => {
    assert.throws(
      () => compileFilter(filter),
      (error) => error instanceof InvalidFilterError && message.test(error.message) && error.position === position,
    );
  });
}

test('an expression over 4,096 characters is refused', () => {
  assert.throws(() => compileFilter(`event.id==${'a'.repeat(4096)}`), /at most 4096 are allowed/);
});

test('a hostile regular expression is matched in linear time', () => {
  const filter = compileFilter('topic~="^(/([a-z]+)*)*!$"');
  assert.equal(filter.forTopic(`/${'a'.repeat(76)}`.repeat(13)), false);
});
