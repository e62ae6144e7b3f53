/** A file larger than any that people write. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { generate } from '../../src/cli/codegen/generate.js';
import { encodeToBuffer, loadGenerated, typeErrors, writeFiles } from '../support/generated-code.js';

const dir = mkdtempSync(join(tmpdir(), 'generate-huge-'));
after(() => rmSync(dir, { recursive: true }));

const P3 = 'syntax = "proto3"; ';

describe('generate writes', () => {
  it('a message of ten thousand fields that type-checks and works', async () => {
    const fields = Array.from({ length: 10_000 }, (_, index) =>
      index % 100 === 0 ? `map<string, int32> f${index} = ${index + 1};` : `string f${index} = ${index + 1};`,
    );
    const members = Array.from({ length: 600 }, (_, index) => `bool o${index} = ${20_001 + index};`);
    const files = writeFiles(join(dir, 'huge'), {
      'huge.proto': `${P3}message Huge { ${fields.join('\n')} oneof one { ${members.join('\n')} } }`,
    });
    const modules = await loadGenerated(files, join(dir, 'huge-out'));
    const { Huge } = modules.huge!;
    const event = { f1: 'a', f300: { k: 1 }, f9999: 'z', o599: true };
    const bytes = encodeToBuffer(Huge!, event);
    const decoded = Huge!.decode(bytes, 0, bytes.length);
    assert.deepEqual([decoded.f1, decoded.f300, decoded.f9999, decoded.o599], ['a', { k: 1 }, 'z', true]);
    assert.deepEqual(encodeToBuffer(Huge!, decoded), bytes);
    assert.throws(() => encodeToBuffer(Huge!, { o0: true, o599: true }), {
      code: 'BUS_INVALID_EVENT',
      message: /only one of o0 and o599/,
    });
    const typescript = join(dir, 'huge-typescript');
    for (const { path, text } of generate(files)) writeFiles(typescript, { [path]: text });
    assert.equal(typeErrors(typescript), '');
  });
});
