import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { InvalidOptionError } from '../src/errors.js';
import { errorOf, show, showThrown } from '../src/shown.js';

const { proxy: revoked, revoke } = Proxy.revocable({}, {});
revoke();

describe('a value in a message', () => {
  test('is shown quoted, and no longer than 80 characters', () => {
    assert.equal(show('a\n'), '"a\\n"');
    assert.equal(show(5n), '5n');
    assert.equal(show('x'.repeat(200)).length, 78);
  });

  test('is shown with what it has, where its own text says only what it is', () => {
    assert.equal(show([]), '[]');
    assert.equal(show([1, '2']), "[ 1, '2' ]");
    assert.equal(show({ last: 1, sequence: 2 }), '{ last: 1, sequence: 2 }');
    assert.equal(show(new Map()), 'Map(0) {}');
    assert.equal(show(new URL('http://a/b')), 'http://a/b');
    assert.equal(show(new RangeError('mine')), 'RangeError: mine');
  });

  test('is shown whatever its toString and its traps do', () => {
    const silent = {
      toString(): string {
        throw new Error('mine');
      },
    };
    assert.equal(show(silent), '[object Object]');
    assert.equal(show(Object.create(null)), '[object Object]');
    assert.equal(show(revoked), '(object that cannot be shown)');
    assert.equal(new InvalidOptionError('name', revoked, 'text').code, 'BUS_INVALID_OPTION');
  });
});

describe('what was thrown', () => {
  test('is told by the message of an error, and by the value where it is none', () => {
    assert.equal(showThrown(new RangeError('mine')), 'mine');
    assert.equal(showThrown(5), '5');
    assert.equal(showThrown('mine'), '"mine"');
    assert.equal(showThrown(undefined), 'undefined');
    assert.equal(showThrown({ status: 7 }), '{ status: 7 }');
  });

  test('is told although looking at it throws', () => {
    const broken = Object.defineProperty(new Error(), 'message', {
      get() {
        throw new Error('mine');
      },
    });
    assert.match(showThrown(broken), /Error/);
    assert.match(showThrown(revoked), /Proxy|cannot be shown/);
    assert.equal(errorOf(broken), broken);
    assert.match(errorOf(revoked).message, /Proxy|cannot be shown/);
  });
});
