/** What is printed about errors that nobody listens to: enough to find the line that threw. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { runProgram } from '../support/child-process.js';

const folder = mkdtempSync(join(tmpdir(), 'ringcast-warnings-'));
after(() => rmSync(folder, { recursive: true }));

/** A module of a user, whose third line throws. */
function moduleWith(name: string, thirdLine: string): string {
  const file = join(folder, name);
  writeFileSync(
    file,
    `export default function audited(envelope) {\n  const { id } = envelope.event;\n  ${thirdLine}\n}\n`,
  );
  return pathToFileURL(file).href;
}

describe('an error that nobody listens to is printed', () => {
  test('with the stack of what a handler threw', async () => {
    const url = moduleWith('handler.mjs', "throw new TypeError('no account ' + id);");
    const { errors, exitCode } = await runProgram(`
      const { default: audited } = await import(${JSON.stringify(url)});
      const bus = createBus();
      bus.subscribe('/audit', audited, { name: 'audit' });
      bus.publish('/audit', { id: 7 });
      await bus.close();`);
    assert.match(errors, /HandlerError: the handler of subscription "audit" failed on \/audit/);
    assert.match(
      errors,
      /caused by TypeError: no account 7\n +at (?:Object\.)?audited (?:\[as handle\] )?\(.*handler\.mjs:3:9\)/,
    );
    assert.equal(exitCode, 0);
  });

  test('with the stack of what a subscriber module threw on its thread', async () => {
    const url = moduleWith('module.mjs', "throw new RangeError('no account ' + id, { cause: new Error('disk') });");
    const { errors, exitCode } = await runProgram(`
      const bus = createBus();
      bus.subscribe('/audit', new URL(${JSON.stringify(url)}), { name: 'audit' });
      bus.publish('/audit', { id: 7 });
      await bus.close();`);
    assert.match(errors, /HandlerError: the handler of subscription "audit" failed on \/audit/);
    assert.match(
      errors,
      /caused by RangeError: no account 7\n +at (?:Object\.)?audited (?:\[as handle\] )?\(.*module\.mjs:3:9\)/,
    );
    assert.match(errors, /caused by Error: disk\n +at (?:Object\.)?audited (?:\[as handle\] )?\(.*module\.mjs:3:/);
    assert.equal(exitCode, 0);
  });

  test('with the stack of what cannot be cloned to the other thread', async () => {
    const url = moduleWith('uncloned.mjs', "throw Object.assign(new RangeError('no account ' + id), { retry() {} });");
    const { errors } = await runProgram(`
      const bus = createBus();
      bus.subscribe('/audit', new URL(${JSON.stringify(url)}), { name: 'audit' });
      bus.publish('/audit', { id: 7 });
      await bus.close();`);
    assert.match(errors, /no account 7\n +at (?:Object\.)?audited (?:\[as handle\] )?\(.*uncloned\.mjs:3:/);
  });

  test('with the file and the error of a module that does not load', async () => {
    const file = join(folder, 'unloadable.mjs');
    writeFileSync(file, "import './missing.mjs';\nexport default () => {};\n");
    const { errors } = await runProgram(`
      const bus = createBus();
      bus.subscribe('/audit', new URL(${JSON.stringify(pathToFileURL(file).href)}), { name: 'audit' });
      await bus.close();`);
    assert.match(errors, /ModuleLoadError: module ".*unloadable\.mjs" of subscription "audit" does not load/);
    assert.match(errors, /caused by Error.*missing\.mjs.* imported from .*unloadable\.mjs/);
  });

  test('with the line of a listener that throws itself', async () => {
    const { errors, exitCode } = await runProgram(`
      const bus = createBus();
      bus.on('error', function listening() { throw new Error('no log'); });
      bus.subscribe('/audit', () => { throw new Error('no account'); });
      bus.publish('/audit', { id: 7 });
      await bus.close();`);
    assert.match(errors, /Error: no log\n(.*\n)* +at .*listening/);
    assert.equal(exitCode, 0);
  });
});
