/**
 * Two copies of the package that meet in a process share memory and messages: of different layouts, they refuse each other by
 * LAYOUT_VERSION. So whoever changes what they share counts it up, and this test holds what each version stood for.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { LAYOUT_VERSION } from '../../src/ring/control-descriptor.js';

/** Files with the constants and types of what copies share. */
const SHARED = [
  'memory/alignment.ts',
  'memory/cells.ts',
  'ring/control-descriptor.ts',
  'ring/record-descriptor.ts',
  'ring/uplink-descriptor.ts',
  'ring/record-extension.ts',
  'ring/ring-memory.ts',
  'ring/uplink-memory.ts',
  'ring/name-registry.ts',
  'publish/owner-counters.ts',
  'connect/bus-handle.ts',
  'connect/reception.ts',
  'connect/connection-messages.ts',
  'connect/control-request.ts',
  'connect/crossed-error.ts',
  'connect/shared-counts.ts',
  'connect/modules/module-messages.ts',
  'connect/waits/wait-messages.ts',
  'subscribe/wait-hint.ts',
];

/** What the last version stands for. Whoever changes it counts LAYOUT_VERSION up. */
const FINGERPRINT = { version: 8, hash: 'e6af0e8bb740d7c4' };

function sourceOf(file: string): string {
  return readFileSync(new URL(`../../../src/${file}`, import.meta.url), 'utf8');
}

/** The constants and types at the top level of a formatted file, without comments and white space. */
function declarationsOf(source: string): string[] {
  const text = source.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '').replace(/\n\s*(?=\n)/g, '');
  // What belongs to a statement is indented, or closes it.
  const statements = text.split(/\n(?![\s})\]])/);
  const shared = /^(?:export )?(?:declare )?(?:const [A-Z][A-Z0-9_]* *[=:]|interface |type )/;
  return statements
    .filter((statement) => shared.test(statement) && !statement.startsWith('export const LAYOUT_VERSION'))
    .map((statement) => statement.replace(/\s+|,(?=\s*[})\]])/g, ''));
}

function fingerprint(sources: readonly string[]): string {
  const all = sources.flatMap(declarationsOf).join('\n');
  return createHash('sha256').update(all).digest('hex').slice(0, 16);
}

test('LAYOUT_VERSION is counted up with each change of what copies of the package share', () => {
  const sources = SHARED.map(sourceOf);
  assert.equal(
    FINGERPRINT.version,
    LAYOUT_VERSION,
    'the fingerprint here is of another version: write down that of this one',
  );
  assert.equal(
    fingerprint(sources),
    FINGERPRINT.hash,
    'what copies of the package share has changed: count LAYOUT_VERSION up, and write down version and fingerprint here',
  );
});

test('the fingerprint is another one where a cell, a constant or a message is, and the same where a comment or a line break is', () => {
  const file = `
    /** Says. */
    export const NEED = 1;
    const BYTES = (RESCUED + 1) * Int32Array.BYTES_PER_ELEMENT;
    export type Told = number | { readonly kind: 'closing'; readonly at: ReadonlyMap<string, number> };
    export interface Hello {
      readonly name: string;
    }
    function act(): void {}
  `.replace(/^ {4}/gm, '');
  assert.equal(declarationsOf(file).length, 4);
  const before = fingerprint([file]);
  for (const [from, to] of [
    ['NEED = 1', 'NEED = 2'],
    ['+ 1)', '+ 2)'],
    ["'closing'", "'closed'"],
    ['name: string', 'name?: string'],
    ['export const NEED = 1;', ''],
  ] as const) {
    assert.notEqual(fingerprint([file.replace(from, to)]), before, to);
  }
  for (const [from, to] of [
    ['Says.', 'Says something else.'],
    ['act(): void {}', 'act(): number { return 1; }'],
    ['{ readonly kind', '{\n  readonly kind'],
  ] as const) {
    assert.equal(fingerprint([file.replace(from, to)]), before, to);
  }
});
