/** The words of pages, doc comments and messages: one list of those that readers stumbled over, and what to write instead. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

const UNITS = 'topic|thread|event|turn|batch|call|reader|bus|record|subscription|process|publish';
const WORDS: readonly [word: RegExp, instead: string][] = [
  [/\bleft out\b|\bleav(?:e|es|ing) (?:it |them |that |this )?out\b/i, 'skipped, omitted'],
  [new RegExp(`\\bonce an? (?:${UNITS})(?=[.,;:)]|$| and | at most)`, 'im'), 'once per …'],
  [/\b(?:dies?|died|dying) of\b/i, 'kills, crashes'],
  [/\blook-ups?\b/i, 'lookup'],
  [/\bdearer\b/i, 'slower, costs more'],
  // A variable may be called so.
  [/\b(?:the|both|their|as|of) texts\b/i, 'strings'],
  [/\b(?:is|are) none of (?:W3C|its|the)\b/i, 'is not one of'],
];

/** Everything that users and newcomers read: pages, and the sources with their comments and messages. */
function files(): string[] {
  const below = (folder: string, ending: RegExp): string[] =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => ending.test(name))
      .map((name) => join(folder, name));
  return [
    'README.md',
    'CHANGELOG.md',
    'test/README.md',
    'bench/README.md',
    ...below('.github', /\.md$/),
    ...below('src', /\.(?:md|ts)$/),
  ];
}

describe('the words of pages, comments and messages', () => {
  const texts = files().map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }));

  for (const [word, instead] of WORDS) {
    test(`${word.source}: write ${instead}`, () => {
      assert.ok(texts.length > 300);
      const found = texts.flatMap(({ file, text }) =>
        text.split('\n').flatMap((line, at) => (word.test(line) ? [`${file}:${at + 1}: ${line.trim()}`] : [])),
      );
      assert.deepEqual(found, []);
    });
  }
});
