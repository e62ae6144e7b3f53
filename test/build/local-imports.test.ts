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

  test('a module of Node is asked for, and none of what it would load for exports that are not used', () => {
    assert.equal(
      withLocalCopies(
        `import fs, { existsSync, readFileSync as read } from 'node:fs';\nimport * as vm from 'node:vm';\nread(fs, vm);`,
      ),
      `const fs = process.getBuiltinModule('node:fs'), { existsSync: existsSync, readFileSync: read } = process.getBuiltinModule('node:fs');\nconst vm = process.getBuiltinModule('node:vm');\nread(fs, vm);`,
    );
  });

  test('what fakes of clocks replace is imported as it was before', () => {
    const code = `import * as timers from 'node:timers';\ntimers.setTimeout();`;
    assert.equal(withLocalCopies(code), code);
  });

  test('imports of packages, imports for side effects and facades stay as they are', () => {
    for (const code of [
      "import picomatch from 'picomatch';\npicomatch('a');\n",
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
