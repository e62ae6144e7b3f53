/** The generator accepts what protoc accepts and refuses what protoc refuses. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { generate } from '../../src/cli/codegen/generate.js';
import { CodegenError } from '../../src/errors.js';
import { writeFiles } from '../support/generated-code.js';
import { optionVerdicts } from './protoc-option-verdicts.js';
import { imported, verdicts } from './protoc-verdicts.js';

const dir = mkdtempSync(join(tmpdir(), 'generate-verdicts-'));
after(() => rmSync(dir, { recursive: true }));

/** What the generator says of a file; undefined if it takes it. */
function complaint(text: string): string | undefined {
  const files = writeFiles(dir, { 'verdict.proto': text });
  try {
    generate(files);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof CodegenError, `${text.slice(0, 300)}: ${(error as Error).stack}`);
    assert.ok(error.message.startsWith(dir), error.message);
    assert.match(error.message, /\(line [0-9]+\)$|a file imports itself/);
    return error.message;
  }
}

describe('of what protoc accepts and refuses, the generator', () => {
  writeFiles(dir, imported);
  for (const { kind, accepted, refused } of [...verdicts, ...optionVerdicts]) {
    it(`accepts the same ${kind}`, () => {
      for (const text of accepted) assert.equal(complaint(text), undefined, text);
    });
    it(`refuses the same ${kind}, with the line`, () => {
      for (const text of refused) assert.notEqual(complaint(text), undefined, text.slice(0, 500));
    });
  }
});
