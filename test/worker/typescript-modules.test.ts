/** Subscriber modules in TypeScript that Node's `import` cannot read: what can, reads them, and what they throw is told. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { createBus } from '../../src/index.js';

const folder = mkdtempSync(join(tmpdir(), 'ringcast-typescript-'));
after(() => rmSync(folder, { recursive: true }));
const log = join(folder, 'log');
const stripsTypes = Boolean((process.features as { readonly typescript?: unknown }).typescript);

/** Syntax that Node does not strip. */
const UNREADABLE = 'enum Level { Low }\n';
const LOG = `require('node:fs').appendFileSync(${JSON.stringify(log)}, 'run ');\n`;
const FILES: Readonly<Record<string, string>> = {
  // As `ts-node/register` does, it teaches TypeScript to `require` alone.
  'loader.cjs': `
    const { readFileSync } = require('node:fs');
    require.extensions['.ts'] = (module, file) => {
      let text = readFileSync(file, 'utf8').replace(/^enum .*$/m, '');
      text = text.replace(/^import (.*) from (.*);/gm, 'const $1 = require($2);').replace(/^export default/m, 'module.exports =');
      if (text.includes('wrong')) throw new Error('the loader says what is wrong');
      module._compile(text, file);
    };`,
  // Node can read it from 22.18 on, and finds nothing by these names.
  'extensionless.ts': `import { set } from './folder';\nimport shown from './shown';\nexport default () => [set, shown];`,
  'shown.ts': `module.exports = 'shown';`,
  'folder/index.ts': `module.exports = { set: 1 };`,
  'fine.ts': `${UNREADABLE}module.exports = () => {};`,
  'throws.ts': `${UNREADABLE}throw new Error('mine');`,
  'throws-a-syntax-error.ts': `${UNREADABLE}JSON.parse('{');`,
  'throws-nothing-known.ts': `${UNREADABLE}throw null;`,
  'wrong.ts': `${UNREADABLE}wrong`,
  'runs.ts': `${LOG}JSON.parse('{');`,
  'waits.mts': `${UNREADABLE}await 1; export default () => {};`,
  'loader-of-mts.cjs': `
    require.extensions['.mts'] = () => {
      throw Object.assign(new Error('Must use import'), { code: 'ERR_REQUIRE_ESM' });
    };`,
};
mkdirSync(join(folder, 'folder'));
for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text);

/** What a subscription to a module in TypeScript fails with. */
async function failureOf(file: string, loader?: string): Promise<Error> {
  await using bus = createBus();
  const execArgv = loader === undefined ? [] : ['--require', join(folder, loader)];
  const subscription = bus.subscribe('/a', pathToFileURL(join(folder, file)), { execArgv });
  subscription.on('error', () => {});
  return subscription.ready.then(
    () => assert.fail(`${file} is read`),
    (error: Error) => error,
  );
}

describe('a subscriber module in TypeScript that only a loader of `require` can read', () => {
  test('is loaded', async () => {
    await using bus = createBus();
    const execArgv = ['--require', join(folder, 'loader.cjs')];
    for (const file of ['fine.ts', 'extensionless.ts']) {
      await bus.subscribe('/a', pathToFileURL(join(folder, file)), { execArgv }).ready;
    }
  });

  for (const [file, message] of Object.entries({
    'throws.ts': /does not load: mine$/,
    'throws-a-syntax-error.ts': /does not load: Expected property name .* JSON/,
    'throws-nothing-known.ts': /does not load: null$/,
    'wrong.ts': /does not load: the loader says what is wrong$/,
  })) {
    test(`fails with what it throws, or what its loader finds: ${file}`, async () => {
      assert.match((await failureOf(file, 'loader.cjs')).message, message);
    });
  }

  test('fails with what `import` says where `require` cannot load it either', async () => {
    const { message } = await failureOf('waits.mts', 'loader-of-mts.cjs');
    assert.match(message, stripsTypes ? /enum/ : /Unknown file extension ".mts"/);
  });
});

test('a subscriber module in TypeScript that throws a syntax error as it runs is run once', async () => {
  assert.match((await failureOf('runs.ts', 'loader.cjs')).message, /does not load: Expected property name .* JSON/);
  assert.equal(readFileSync(log, 'utf8'), 'run ');
});

test('a tsx that is installed and does not load says why', { skip: stripsTypes }, async (t) => {
  const tsx = join(folder, 'node_modules/tsx');
  mkdirSync(tsx, { recursive: true });
  t.after(() => rmSync(tsx, { recursive: true }));
  const exports = { './esm/api': './api.cjs', './cjs/api': './api.cjs' };
  writeFileSync(join(tsx, 'package.json'), JSON.stringify({ name: 'tsx', exports }));
  writeFileSync(join(tsx, 'api.cjs'), "throw new Error('@esbuild/linux-x64 could not be found');");
  const { message } = await failureOf('throws.ts');
  assert.match(message, /Unknown file extension ".ts".*tsx, .*cannot be used: @esbuild\/linux-x64 could not be found$/);
});
