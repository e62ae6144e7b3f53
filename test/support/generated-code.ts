/** Generates code from .proto files of a test, checks it with TypeScript, and loads it. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type GenerateOptions, generate } from '../../src/cli/codegen/generate.js';
import { writeModules } from '../../src/cli/codegen/output-folder.js';
import type { EventCodec } from '../../src/envelope/event-codec.js';
import { FULL } from './full.js';
import { complaints } from './typescript.js';

const repository = fileURLToPath(new URL('../../../', import.meta.url));

/** Writes files below a folder; returns their paths. */
export function writeFiles(dir: string, files: Readonly<Record<string, string>>): string[] {
  return Object.entries(files).map(([name, text]) => {
    const file = join(dir, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  });
}

const PLACES = {
  runtime: new URL('../../src/envelope/codec-runtime.js', import.meta.url).href,
  events: new URL('../../src/events.js', import.meta.url).href,
};

/** Generates JavaScript and imports it: the classes and enums of all modules, by module and name. */
export async function loadGenerated(
  files: readonly string[],
  out: string,
  options: GenerateOptions = {},
): Promise<Record<string, Record<string, GeneratedClass>>> {
  const modules = generate(files, { ...PLACES, ...options, javascript: true });
  writeModules(modules, out);
  writeFileSync(join(out, 'package.json'), '{ "type": "module" }');
  const loaded: Record<string, Record<string, GeneratedClass>> = {};
  for (const { path } of modules.filter((module) => module.path.endsWith('.js'))) {
    loaded[path.replace(/\.js$/, '')] = await import(pathToFileURL(join(out, path)).href);
  }
  return loaded;
}

// biome-ignore lint/suspicious/noExplicitAny: what a class holds is each test's own business
export type GeneratedClass = EventCodec<any> & (new (init?: object) => any);

/** What a user's TypeScript says to generated modules, in the strictest of settings; empty where it is content. */
export function typeErrors(dir: string, pattern = '**/*.ts'): string {
  const paths = {
    'ringcast/codec': ['dist/src/envelope/codec-runtime.d.ts'],
    'ringcast/events': ['dist/src/events.d.ts'],
  };
  const compilerOptions = {
    target: 'es2023',
    module: 'nodenext',
    types: ['node'],
    typeRoots: [join(repository, 'node_modules/@types')],
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    noImplicitOverride: true,
    noUnusedLocals: true,
    noUnusedParameters: true,
    noFallthroughCasesInSwitch: true,
    verbatimModuleSyntax: true,
    isolatedModules: true,
    allowImportingTsExtensions: true,
    skipLibCheck: false,
    noEmit: true,
    // In a full run with the types of browsers, too, which take most of the time.
    ...(FULL ? {} : { lib: ['es2023'] }),
    paths: Object.fromEntries(Object.entries(paths).map(([name, [path]]) => [name, [join(repository, path!)]])),
  };
  const config = join(dir, 'tsconfig.json');
  writeFileSync(config, JSON.stringify({ compilerOptions, include: [pattern] }));
  writeFileSync(join(dir, 'package.json'), '{ "type": "module" }');
  return complaints(config);
}

export function encodeToBuffer(codec: EventCodec, event: unknown): Buffer {
  const target = Buffer.alloc(1 << 20);
  const end = codec.encode(event, target, 0, target.length);
  assert.ok(end >= 0);
  return Buffer.from(target.subarray(0, end));
}

export function decodeHex<T>(codec: EventCodec<T>, hex: string): T {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  return codec.decode(bytes, 0, bytes.length);
}
