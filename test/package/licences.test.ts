/** The packages that are installed with this one: those that the security page lists, under licences that ask for nothing. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

interface Locked {
  readonly version: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly hasInstallScript?: boolean;
}

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const { packages } = JSON.parse(read('package-lock.json')) as { packages: Readonly<Record<string, Locked>> };
/** Without those of the tests and of optional peers. */
const installed = Object.entries(packages)
  .filter(([path, { dev, devOptional }]) => path !== '' && dev !== true && devOptional !== true)
  .map(([path, locked]) => ({
    ...locked,
    name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
  }));

describe('the packages that are installed with this one', () => {
  test('are those of the security page, with the licences it gives', () => {
    const rows = [...read('.github/SECURITY.md').matchAll(/^\| `([^`]+)` +\| ([\w.-]+) +\|/gm)];
    const listed = rows.map(([, name, licence]) => `${name} ${licence}`);
    // One for each platform.
    const found = installed
      .filter(({ name }) => !name.startsWith('@napi-rs/nice-'))
      .map(({ name, license }) => `${name} ${license}`);
    assert.deepEqual(found.sort(), listed.sort());
  });

  test('have licences that ask for nothing but to be named', () => {
    assert.ok(installed.length > 5);
    for (const { name, license } of installed) {
      assert.match(license ?? '', /^(MIT|ISC|BSD-2-Clause|BSD-3-Clause|Apache-2\.0|0BSD)$/, name);
    }
  });

  test('run no script when they are installed', () => {
    assert.deepEqual(
      installed.filter(({ hasInstallScript }) => hasInstallScript === true).map(({ name }) => name),
      [],
    );
  });
});
