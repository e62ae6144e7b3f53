/** A module that does not parse: the error says where, whichever file it is in. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { createBus } from '../../src/index.js';
import { inlineModule, thrownBy } from '../support/bus-scene.js';
import { covering } from '../support/full.js';

const folder = mkdtempSync(join(tmpdir(), 'ringcast syntax #1 ä-'));
const ran = join(folder, 'ran');
after(() => rmSync(folder, { recursive: true }));

const RUNS = `require('node:fs').writeFileSync(${JSON.stringify(ran)}, '');`;
const FILES: Readonly<Record<string, string>> = {
  'broken.mjs': 'export const one = 1;\n\nexport default (;',
  'broken.cjs': 'module.exports = () => {\n  const x = ;\n};',
  'imports.mjs': `import { createRequire } from 'node:module';
    const require = createRequire(import.meta.url); ${RUNS}
    export { default } from './broken.mjs';`,
  'requires.cjs': "module.exports = require('./broken.cjs');",
  'imports-cjs.mjs': "export { default } from './broken.cjs';",
  'imports-nothing.mjs': "// first line\nimport { two } from './fine.mjs';\nexport default () => two;",
  'fine.mjs': 'export const one = 1;',
  'throws.mjs': 'JSON.parse("{");',
};
for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text);
const urlOf = (name: string): URL => pathToFileURL(join(folder, name));

/** Modules, the file that is broken, the line, and what is wrong there. */
const CASES: readonly (readonly [name: string, file: string, line: number, message: string])[] = [
  ['broken.mjs', 'broken.mjs', 3, "Unexpected token ';'"],
  ['imports.mjs', 'broken.mjs', 3, "Unexpected token ';'"],
  ['broken.cjs', 'broken.cjs', 2, "Unexpected token ';'"],
  ['requires.cjs', 'broken.cjs', 2, "Unexpected token ';'"],
  ['imports-cjs.mjs', 'broken.cjs', 2, "Unexpected token ';'"],
  [
    'imports-nothing.mjs',
    'imports-nothing.mjs',
    2,
    "The requested module './fine.mjs' does not provide an export named 'two'",
  ],
];

/** A message ends with what is wrong and where: the file, as path or URL, its line, perhaps a column. */
function assertNames(text: string, file: string, line: number, message: string): void {
  const begin = text.indexOf(`: ${message} (`);
  assert.ok(begin > 0, text);
  const [, where, at] = /\(([^)]+?):(\d+)(?::\d+)?\)$/.exec(text.slice(begin)) ?? assert.fail(text);
  assert.equal(Number(at), line);
  assert.ok([join(folder, file), urlOf(file).href].includes(where!), where);
}

/** How a module that does not parse is used, and what says so. */
const USES: Readonly<Record<string, (url: URL) => Promise<Error>>> = {
  'a subscriber module': async (url) => {
    await using bus = createBus();
    const subscription = bus.subscribe('/a', url);
    subscription.on('error', () => {});
    return subscription.ready.then(
      () => assert.fail('it loads'),
      (error: Error) => error,
    );
  },
  'a types module': async (url) => thrownBy(() => createBus({ types: [url] })),
};

describe('a syntax error', { timeout: 600_000 }, () => {
  const cases = CASES.flatMap((one) => Object.entries(USES).map((use) => [...one, ...use] as const));
  for (const [name, file, line, message, as, use] of covering(cases, 5)) {
    test(`of ${name} as ${as} is told with ${file}, line ${line}`, async () => {
      const error = await use(urlOf(name));
      assertNames(error.message, file, line, message);
      assert.match((error.cause as Error).stack!, new RegExp(`^.*${file}:${line}(:\\d+)?\\n(.*\\n)*SyntaxError: `));
      assert.ok(!existsSync(ran), 'nothing of the module has run');
    });
  }

  test('of a module that is no file is told with its line', async () => {
    const { message } = await USES['a subscriber module']!(inlineModule(`${'// long\n'.repeat(9)}export default (`));
    assert.match(message, /: Unexpected end of input \(data:.*…:10:\d+\)$/);
  });

  test('that a module throws as it runs is told as any other error', async () => {
    const error = await USES['a subscriber module']!(urlOf('throws.mjs'));
    assert.match(error.message, /does not load: [^(]*JSON[^(]*(\(line \d+ column \d+\))?$/);
    assert.match((error.cause as Error).stack!, /throws\.mjs:1:6/);
  });
});
