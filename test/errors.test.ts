/** Errors as a set: every class has a code of its own, and the page of the bus explains every code. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import * as errors from '../src/errors.js';

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
});
