import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvalidNamespaceError, InvalidTopicError } from '../../src/errors.js';
import { checkNamespace, checkTopic, isReservedTopic } from '../../src/topic/topic.js';

const longest = 'a'.repeat(76);
const valid = ['/x', '/tasks/exec-added', '/a.b/c_d', '/A/B/C/D/E/F', `/${longest}`, '/test', '/test/test', '/0/1'];
const invalid: [topic: unknown, reason: RegExp][] = [
  ['', /must not be empty/],
  ['x', /must start with '\/'/],
  ['/', /must have at least one component/],
  ['/x/', /failed validation on component "": identifier must not be empty/],
  ['//x', /component "": identifier must not be empty/],
  ['/x//y', /component "": identifier must not be empty/],
  ['/tasks/?', /component "\?": identifier "\?" must match \^\[A-Za-z0-9\]/],
  ['/a..b', /must match/],
  ['/-a', /must match/],
  ['/a-', /must match/],
  ['/é', /must match/],
  ['/a b', /must match/],
  ['/*', /must match/],
  ['/**', /must match/],
  ['/x\n', /must match/],
  [`/${longest}a`, /greater than maximum length \(76 characters\)/],
  [`${'/abcdefg'.repeat(128)}/a`, /greater than maximum length \(1024 bytes\)/],
  [undefined, /must be a string/],
  [42, /must be a string/],
  [Symbol('x'), /must be a string/],
];
const validNamespaces = [
  ...['default', 'Default', 'default-default', 'containerd.io', 'foo.boo', 'swarmkit.docker.io', '0912341234'],
  ...['task.0.0123456789', 'container.system-75-f19a.00', 'underscores_are_allowed', longest],
];
const invalidNamespaces = [
  ...['', '.foo..foo', 'foo/foo', 'foo/..', 'foo..foo', 'foo.-boo', '-foo.boo', 'foo.boo-'],
  ...['but__only_tasteful_underscores', 'zn--e9.org', 'default--default', `${longest}a`, 'a\n', undefined, null, {}],
];

for (const topic of [...valid, `${'/abcdefg'.repeat(128)}`]) {
  test(`topic ${topic.slice(0, 40)} is accepted`, () => checkTopic(topic));
}
for (const [topic, reason] of invalid) {
  test(`topic ${String(topic).slice(0, 40)} is refused: ${reason.source}`, () => {
    assert.throws(
      () => checkTopic(topic),
      (error) => error instanceof InvalidTopicError && error.topic === topic && reason.test(error.reason),
    );
  });
}
for (const namespace of validNamespaces) {
  test(`namespace ${namespace} is accepted`, () => checkNamespace(namespace));
}
for (const namespace of invalidNamespaces) {
  test(`namespace ${JSON.stringify(namespace)} is refused`, () => {
    assert.throws(() => checkNamespace(namespace), InvalidNamespaceError);
  });
}
test('only /ringcast and what is below it is reserved', () => {
  assert.equal(isReservedTopic('/ringcast/dead-letter'), true);
  assert.equal(isReservedTopic('/ringcast'), true);
  assert.equal(isReservedTopic('/ringcasts'), false);
  assert.equal(isReservedTopic('/a/ringcast'), false);
});
