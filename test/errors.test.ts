/** Errors as a set: every class has a code of its own, and the page of the bus explains every code. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import * as errors from '../src/errors.js';
import { createBus } from '../src/index.js';

const page = readFileSync(new URL('../../src/bus/README.md', import.meta.url), 'utf8');

type ErrorClass = new (...args: never[]) => errors.BusError;
const classes = Object.entries(errors as unknown as Record<string, ErrorClass>).filter(([name]) => name !== 'BusError');

/** An instance made from arguments that suit every constructor here well enough to read its code. */
function sample(ErrorClass: ErrorClass): errors.BusError {
  return Reflect.construct(ErrorClass, ['a', ['b'], 'c', 'd']) as errors.BusError;
}

describe('errors', () => {
  test('every class extends BusError and carries a name, a message and a stable code', () => {
    assert.ok(classes.length > 20);
    for (const [name, ErrorClass] of classes) {
      const error = sample(ErrorClass);
      assert.ok(error instanceof errors.BusError, name);
      assert.equal(error.name, name);
      assert.match(error.code, /^BUS_[A-Z_]+$/);
      assert.notEqual(error.message, '');
    }
  });

  test('no two classes share a code', () => {
    const codes = classes.map(([, ErrorClass]) => sample(ErrorClass).code);
    assert.equal(new Set(codes).size, codes.length);
  });

  test('the page of the bus explains every code, beside its class, and no code that does not exist', () => {
    const codes = classes.map(([name, ErrorClass]) => `${sample(ErrorClass).code} ${name}`).sort();
    const rows = [...page.matchAll(/^\| `(BUS_[A-Z_]+)` +\| `(\w+)`/gm)];
    assert.deepEqual(rows.map(([, code, name]) => `${code} ${name}`).sort(), codes);
  });

  test('a message says what to do, unless its reason or its cause is what says it', () => {
    const saidElsewhere = ['reason', 'expected', 'cause'];
    for (const [name, ErrorClass] of classes) {
      const error = name === 'TimeoutError' ? new errors.TimeoutError('next', 5) : sample(ErrorClass);
      if (saidElsewhere.some((field) => Object.hasOwn(error, field)) || name === 'CodegenError') continue;
      const mend =
        /\b(use|await|raise|name|load|give|call|copy|close|stop|destroy|create|pass|wait|keep|import|known options)\b/i;
      assert.match(error.message, mend, name);
    }
  });

  test('what happens to a subscription is said with its name', () => {
    const named = [
      new errors.HandlerError('audit', '/a', 7, new Error('boom')),
      new errors.ModuleLoadError('file:///audit.js', new Error('boom'), 'audit'),
      new errors.ModuleShapeError('file:///audit.js', 'it has no default export', 'audit'),
      new errors.CannotStartThreadError('audit', 'why'),
      new errors.WorkerExitedError('audit', 'exit code 1'),
      new errors.SubscriptionEndedError('audit', 'has ended'),
    ];
    for (const { message } of named) assert.match(message, /\bsubscription "audit"/);
  });

  test('an event that cannot be encoded is named by its topic', () => {
    const bus = createBus({ keepUnwanted: true, topicTypes: { '/typed': 'containerd.events.TaskExit' } });
    assert.throws(() => bus.publish('/a', { run() {} }), { message: /^event on "\/a": a function cannot be sent/ });
    assert.throws(() => bus.publish('/a', undefined as never), { message: /^event on "\/a": is undefined/ });
    assert.throws(() => bus.publish('/typed', { pid: 'x' }), { topic: '/typed', code: 'BUS_INVALID_EVENT' });
    bus.destroy();
  });
});
