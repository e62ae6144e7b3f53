/** The first example of the README, executed as it stands there. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../../', import.meta.url));
// Below the package, where its own name resolves to it.
const folder = mkdtempSync(join(root, 'dist', 'readme-'));
after(() => rmSync(folder, { recursive: true }));

const readme = readFileSync(join(root, 'README.md'), 'utf8');

/** The README's blocks whose first line is a comment with a file name. */
const files = [...readme.matchAll(/```js\n\/\/ (\S+\.js)\n([\s\S]*?)```/g)].map(([, name, text]) => ({
  name: name!,
  text: text!,
}));

describe('the first example of the README', () => {
  test('runs, and prints what its comments say', async () => {
    assert.deepEqual(
      files.slice(0, 2).map(({ name }) => name),
      ['audit.js', 'main.js'],
    );
    for (const { name, text } of files) writeFileSync(join(folder, name), text);
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [join(folder, 'main.js')]);
    const printed = files.flatMap(({ text }) => [...text.matchAll(/\/\/ prints: (.*)$/gm)].map((match) => match[1]!));
    assert.ok(printed.length >= 2);
    assert.deepEqual(stdout.trim().split('\n').sort(), printed.sort());
    assert.equal(stderr, '');
  });
});
