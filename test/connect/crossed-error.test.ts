/** Errors that cross between the owner of a bus and its connections arrive as what they were. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cross, revive } from '../../src/connect/crossed-error.js';
import * as errors from '../../src/errors.js';

/** As a port passes it on. */
function sent(error: unknown): Error {
  return revive(structuredClone(cross(error)));
}

test('an error of this package keeps its class, its code, its text, what it carries, and its causes', () => {
  const cause = new errors.HandlerError('s', '/a', 7, new RangeError('odd'));
  const all = [
    new errors.TooManyReadersError(64),
    new errors.TooManyOriginsError('o', 3),
    new errors.SubscriptionEvictedError('subscription "s"', 200),
    new errors.InvalidFilterError('x ==', 'ends early', 4),
    new errors.WorkerExitedError('s', 'exit code 7', { cause }),
    cause,
  ];
  for (const error of all) {
    const arrived = sent(error);
    assert.equal(arrived.constructor, error.constructor);
    assert.ok(arrived instanceof errors.BusError);
    assert.deepEqual({ ...arrived }, { ...error });
    assert.deepEqual([arrived.name, arrived.message, arrived.stack], [error.name, error.message, error.stack]);
    assert.deepEqual(Object.keys(arrived).includes('name'), false);
    assert.equal((arrived.cause as Error)?.constructor, (error.cause as Error)?.constructor);
  }
  assert.ok(((sent(all[4]).cause as Error).cause as Error) instanceof RangeError);
});

test('whatever else is thrown, and what cannot be cloned, crosses as far as it can', () => {
  const own = Object.assign(new TypeError('mine'), { code: 'MINE' });
  const arrived = sent(own) as TypeError & { readonly code: string };
  assert.ok(arrived instanceof TypeError);
  assert.deepEqual([arrived.message, arrived.code], ['mine', 'MINE']);
  const invalid = sent(new errors.InvalidOptionError('data', () => {}, 'something else'));
  assert.ok(invalid instanceof errors.InvalidOptionError);
  assert.deepEqual([invalid.option, invalid.value], ['data', undefined]);
  assert.match(invalid.message, /data must be something else/);
  assert.equal(sent(new errors.ModuleLoadError('file:///m.js', 'a text')).cause, 'a text');
});

test('an error that is its own cause crosses', () => {
  const error = new errors.WorkerExitedError('s', 'exit code 7');
  error.cause = error;
  const arrived = sent(error);
  assert.ok(arrived instanceof errors.WorkerExitedError);
  assert.ok(arrived.cause instanceof errors.WorkerExitedError);
});
