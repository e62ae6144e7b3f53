/**
 * `npm run generate`: brings the generated modules of this repository up to date with its .proto files. With `--check` it
 * writes nothing and fails where that would change a file.
 */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type GeneratedModule, generate, PACKAGE_PROTO_DIR, staleModules, writeModules } from './generate.js';

const repository = fileURLToPath(new URL('../../../..', import.meta.url));

function filesBelow(dir: string, ending: string): string[] {
  const paths = readdirSync(dir, { recursive: true, encoding: 'utf8' });
  return paths.filter((path) => path.endsWith(ending)).sort();
}

function update(outDir: string, modules: readonly GeneratedModule[]): void {
  if (!process.argv.includes('--check')) {
    writeModules(modules, outDir);
    return;
  }
  const written = new Set(modules.map(({ path }) => join(path)));
  const orphans = filesBelow(outDir, '.ts').filter((path) => !written.has(path));
  for (const path of [...staleModules(modules, outDir).map((module) => module.path), ...orphans]) {
    console.error(`${join(outDir, path)} is not what the .proto files say; run npm run generate`);
    process.exitCode = 1;
  }
}

const ownFiles = filesBelow(PACKAGE_PROTO_DIR, '.proto').map((path) => join(PACKAGE_PROTO_DIR, path));
update(
  join(repository, 'src/envelope/generated'),
  generate(ownFiles, { ownFiles: true, runtime: '../codec-runtime.ts' }),
);

const testDir = join(repository, 'test/fixtures/proto');
update(
  join(repository, 'test/fixtures/generated'),
  generate([join(testDir, 'everything.proto')], {
    includeDirs: [testDir],
    runtime: '../../../src/envelope/codec-runtime.ts',
    events: '../../../src/events.ts',
  }),
);
