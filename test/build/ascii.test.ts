import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';
import { inAscii } from '../../src/build/ascii.js';

const lib = fileURLToPath(new URL('../../lib/', import.meta.url));
const OTHERS = /[^\0-\x7f]/;

describe('published code', () => {
  test('is ASCII, which V8 keeps in half the memory', () => {
    const chunks = readdirSync(lib).filter((name) => /\.c?js$/.test(name));
    assert.ok(chunks.length > 5);
    for (const name of chunks) assert.doesNotMatch(readFileSync(join(lib, name), 'utf8'), OTHERS, name);
  });

  test('means the same in ASCII', () => {
    const code = "['…', `é😀`, /[äö]/u.test('ö'), /^😀$/u.test('😀')] // ß";
    assert.match(code, OTHERS);
    assert.doesNotMatch(inAscii(code), OTHERS);
    assert.equal(JSON.stringify(runInNewContext(inAscii(code))), JSON.stringify(runInNewContext(code)));
  });
});
