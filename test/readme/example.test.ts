/** The first example of the README, compiled and executed as it stands there. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { compile } from '../support/typescript.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
// Below the package, where its own name resolves to it.
const folder = mkdtempSync(join(root, 'dist', 'readme-'));
after(() => rmSync(folder, { recursive: true }));

const readme = readFileSync(join(root, 'README.md'), 'utf8');

/** The README's blocks whose first line is a comment with a file name. */
const files = [...readme.matchAll(/```ts\n\/\/ (\w+\.ts)\b.*\n([\s\S]*?)```/g)].map(([, name, text]) => ({
  name: name!,
  text: text!,
}));

const run = (args: readonly string[]) => promisify(execFile)(process.execPath, args, { cwd: folder });

describe('the first example of the README', () => {
  test('runs, and prints what its comments say', async () => {
    assert.deepEqual(
      files.slice(0, 2).map(({ name }) => name),
      ['audit.ts', 'main.ts'],
    );
    for (const { name, text } of files) writeFileSync(join(folder, name), text);
    const names = files.map(({ name }) => name);
    const target = [
      '--module',
      'nodenext',
      '--target',
      'es2023',
      '--lib',
      'es2023,esnext.disposable',
      '--types',
      'node',
    ];
    await compile(['--ignoreConfig', '--strict', '--skipLibCheck', ...target, ...names], folder);
    const { stdout, stderr } = await run([join(folder, 'main.js')]);
    const printed = files.flatMap(({ text }) => [...text.matchAll(/\/\/ prints: (.*)$/gm)].map((match) => match[1]!));
    assert.ok(printed.length >= 2);
    assert.deepEqual(stdout.trim().split('\n').sort(), printed.sort());
    assert.equal(stderr, '');
  });
});
