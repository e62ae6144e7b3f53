/** What protoc refuses is refused here, with the place and the reason. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { generate } from '../../src/cli/codegen/generate.js';
import { CodegenError } from '../../src/errors.js';
import { writeFiles } from '../support/generated-code.js';
import { imported, refused } from './refused-protos.js';

const dir = mkdtempSync(join(tmpdir(), 'generate-refusals-'));
after(() => rmSync(dir, { recursive: true }));

describe('generate refuses', () => {
  writeFiles(dir, imported);
  for (const [name, text, message] of refused) {
    it(name, () => {
      const files = writeFiles(dir, { 'refused.proto': text });
      assert.throws(
        () => generate(files),
        (error: unknown) => {
          assert.ok(error instanceof CodegenError, `${(error as Error).stack}`);
          assert.match(error.message, message);
          assert.ok(error.message.startsWith(`${files[0]}: `), error.message);
          return true;
        },
      );
    });
  }
});
