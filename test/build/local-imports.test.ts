import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { withLocalCopies } from '../../src/build/local-imports.js';

describe('local copies of what chunks import from each other', () => {
  test('a binding of another chunk is copied into a constant under the name that the code uses', () => {
    const code = "import { a as twice, Other } from './core.js';\ntwice(Other);\n";
    const expected =
      "import { a as twice$i, Other as Other$i } from './core.js'; const twice = twice$i, Other = Other$i;\ntwice(Other);\n";
    assert.equal(withLocalCopies(code), expected);
  });

  test('an exported binding that never changes is exported by way of a copy', () => {
    const code = 'const size = 1;\nfunction grow() {}\nexport { size as s, grow };\n';
    const expected =
      'const size = 1;\nfunction grow() {}\nconst size$x = size, grow$x = grow; export { size$x as s, grow$x as grow };\n';
    assert.equal(withLocalCopies(code), expected);
  });

  test('a binding exported under two names is copied once', () => {
    const code = 'const a = 1;\nexport { a, a as b };\n';
    assert.equal(withLocalCopies(code), 'const a = 1;\nconst a$x = a; export { a$x as a, a$x as b };\n');
  });

  test('a variable that may change stays a live binding', () => {
    const code = 'let count = 0;\nfunction next() { count++; }\nexport { count, next };\n';
    const expected =
      'let count = 0;\nfunction next() { count++; }\nconst next$x = next; export { count, next$x as next };\n';
    assert.equal(withLocalCopies(code), expected);
  });

  test('imports of packages, imports for side effects and facades stay as they are', () => {
    for (const code of [
      "import { join } from 'node:path';\njoin('a');\n",
      "import './core.js';\nrun();\n",
      "import { a } from './core.js';\nexport { a };\n",
    ]) {
      assert.equal(withLocalCopies(code), code);
    }
  });

  test('the number of lines stays, so that source maps stay true', () => {
    const code = "import { a, b } from './core.js';\na(b);\nconst c = 1;\nexport { c };\n";
    assert.equal(withLocalCopies(code).split('\n').length, code.split('\n').length);
  });
});
