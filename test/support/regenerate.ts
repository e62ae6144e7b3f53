/**
 * `npm run generate`: brings the generated modules of this repository up to date with its .proto files. With `--check` it
 * writes nothing and fails where that would change a file.
 */

import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type GeneratedModule,
  generate,
  isBuiltIn,
  PACKAGE_PROTO_DIR,
  staleModules,
  writeModules,
} from '../../src/cli/codegen/generate.js';

const repository = fileURLToPath(new URL('../../..', import.meta.url));

function filesBelow(dir: string, name: RegExp): string[] {
  const paths = readdirSync(dir, { recursive: true, encoding: 'utf8' });
  return paths.filter((path) => name.test(path)).sort();
}

function update(outDir: string, modules: readonly GeneratedModule[]): void {
  if (!process.argv.includes('--check')) {
    // Those of protobufjs do not carry our mark.
    for (const { path, text } of modules) if (text.startsWith('/*')) writeFileSync(join(outDir, path), text);
    writeModules(
      modules.filter(({ text }) => !text.startsWith('/*')),
      outDir,
    );
    return;
  }
  const written = new Set(modules.map(({ path }) => join(path)));
  const orphans = filesBelow(outDir, /\.[jt]s$/).filter((path) => !written.has(path));
  for (const path of [...staleModules(modules, outDir).map((module) => module.path), ...orphans]) {
    console.error(`${join(outDir, path)} is not what the .proto files say; run npm run generate`);
    process.exitCode = 1;
  }
}

const ownFiles = filesBelow(PACKAGE_PROTO_DIR, /\.proto$/)
  .filter((path) => isBuiltIn(path.replaceAll('\\', '/')))
  .map((path) => join(PACKAGE_PROTO_DIR, path));
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

/** What users of protobufjs's own generator get from the same files: for comparisons, and to be adapted. */
function staticModule(path: string, protos: readonly string[]): GeneratedModule {
  const pbjs = join(repository, 'node_modules/.bin/pbjs');
  const flags = ['--target', 'static-module', '--wrap', 'esm', '--no-comments', '--no-service', '--path', 'proto'];
  return { path, text: execFileSync(pbjs, [...flags, ...protos], { cwd: repository, encoding: 'utf8' }) };
}

update(join(repository, 'test/fixtures/protobufjs'), [
  staticModule('account.js', ['test/fixtures/proto/account.proto']),
  staticModule('containerd.js', ['proto/containerd/types/envelope.proto', 'proto/containerd/events/task.proto']),
]);
