/** The table of blocked threads in src/connect/README.md: every row of it is held by a test, named here. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

const root = new URL('../../../', import.meta.url);

/** The first three cells of each row, and the file and a part of the title of the test that holds it. */
const HELD: Readonly<Record<string, readonly [file: string, title: string]>> = {
  'reads | `publish` | reads on': ['publishing', 'that publishes more than fits'],
  'blocked for a while | `publish` | any': ['blocked-owner', 'publish turns to false, then throws'],
  'blocked for a while | `publishSync` | any': ['blocked-owner', 'publishSync waits, and throws'],
  'blocked for a while | `tryPublish` | any': ['blocked-owner', 'tryPublish turns to false'],
  'blocked for a while | `await writable()` | any': ['blocked-owner', 'writable waits until'],
  'blocked for a while | `await close()` | any': ['blocked-owner', 'close says what was not taken over'],
  'in `publishSync` | any | reads on': ['deadlocks', 'and the owner is in publishSync, its event is written'],
  'reads | any | holds the ring': ['deadlocks', 'of what a reader holds that does not move'],
  'is this thread | `publishSync`, uplink full | any': ['connecting', 'and cannot be waited for there'],
  "any | its reader holds the ring, `publish` | this thread's": [
    'subscribing-threads',
    'that holds the ring itself can publish on',
  ],
  "any | `await writable()` in a handler | is that handler's": ['deadlocks', 'is told that it would deadlock'],
  'any | `publishSync` | is on that thread': ['deadlocks', 'is told that it would deadlock'],
  'any | two wait in handlers | is one of theirs': ['deadlocks', 'is told so when another one holds it'],
  "any | `await close()` in a handler | is that handler's": ['deadlocks', 'is not waited for where it awaits close'],
  "any | `await close()` in a module | is that module's": [
    'deadlocks',
    'a module that awaits close where it holds the ring',
  ],
  "reads | ended while its reader holds the ring | this thread's": [
    'subscribing-threads',
    'that is terminated gives its readers back',
  ],
  "in `publishSync` | ended while its reader holds the ring | this thread's": [
    'deadlocks',
    'a publishSync that waits for the reader of a thread that ends',
  ],
  'has died | `publishSync`, once they have met | any': ['connecting', 'that waits in publishSync without a limit'],
  'closes | blocked, or never has a turn | any': ['publishing', 'is not waited for when the bus closes'],
};

describe('the table of blocked threads', () => {
  const page = readFileSync(new URL('src/connect/README.md', root), 'utf8');
  const [, table] = /\n\| owner [^\n]*\n\| -[^\n]*\n((?:\|[^\n]*\n?)+)/.exec(page) ?? [];
  const rows = (table ?? '')
    .trim()
    .split('\n')
    .map((row) =>
      row
        .slice(1)
        .split(' | ')
        .slice(0, 3)
        .map((cell) => cell.trim())
        .join(' | '),
    );

  test('has a test for each row, and no test for a row that is gone', () => {
    assert.deepEqual(rows.toSorted(), Object.keys(HELD).toSorted());
  });

  for (const [row, [file, title]] of Object.entries(HELD)) {
    test(`${row}: held by test/connect/${file}.test.ts`, () => {
      const titles = readFileSync(new URL(`test/connect/${file}.test.ts`, root), 'utf8').matchAll(
        /\btest\(\s*['\x60](.*)['\x60],/g,
      );
      assert.ok([...titles].some(([, text]) => text!.includes(title)));
    });
  }
});
