/** `ringcast generate`: event classes from users' .proto files. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { generateAll } from './codegen/generate.js';
import type { ImportExtension } from './codegen/module-emitter.js';
import { staleModules, writeModules } from './codegen/output-folder.js';
import { defineCommand } from './command.js';
import { UsageError } from './command-errors.js';

const HELP = `Usage: ringcast generate FILE… --out DIR [--include DIR]… [--js] [--import-extension EXT] [--check]

Writes a TypeScript module of event classes for each .proto FILE and for what it imports. The package's own .proto files and
protobuf's (google/protobuf/…) can be imported without being found; most of their classes come from ringcast/events.

A module has the path of its file below the --include folder that it is in, or the name of the file alone. Nothing outside
of DIR is written, and no file there that was not generated.

Options:
  -o, --out DIR              where the modules go; folders are made as needed
  -I, --include DIR          where imports are looked up too; may be given several times
      --js                   write JavaScript with declarations (.d.ts) instead of TypeScript
      --import-extension EXT how modules import each other: js (the default), ts (for Node's type stripping) or none
      --check                write nothing, and exit with 1 where a module is missing or different
  -h, --help                 this text
`;

const EXTENSIONS: readonly string[] = ['js', 'none', 'ts'];

export const command = defineCommand({
  name: 'generate',
  help: HELP,
  options: {
    out: { type: 'string', short: 'o' },
    include: { type: 'string', short: 'I', multiple: true },
    js: { type: 'boolean' },
    'import-extension': { type: 'string' },
    check: { type: 'boolean' },
  },
  async run({ out, include = [], js = false, 'import-extension': importExtension = 'js', check = false }, files) {
    const hint = 'For example: ringcast generate events.proto --out src/generated';
    if (files.length === 0) throw new UsageError('generate: no .proto file', hint);
    if (files.includes('')) throw new UsageError('generate: the name of a file is empty', hint);
    if (out === undefined || out === '') throw new UsageError('generate: no --out', hint);
    if (!EXTENSIONS.includes(importExtension)) {
      throw new UsageError(`generate: --import-extension ${importExtension}`, `It is one of ${EXTENSIONS.join(', ')}`);
    }
    if (js && importExtension === 'ts') {
      throw new UsageError(
        'generate: --js with --import-extension ts',
        'JavaScript imports no .ts files; drop --js or --import-extension',
      );
    }
    for (const folder of include) {
      if (!existsSync(folder) || !statSync(folder).isDirectory())
        process.stderr.write(`ringcast: warning: --include ${folder}: no such folder\n`);
    }
    const { modules, services } = generateAll(files, {
      includeDirs: include,
      javascript: js,
      importExtension: importExtension as ImportExtension,
    });
    for (const { file, names } of services) {
      process.stderr.write(`ringcast: ${file}: services become no code: ${names.join(', ')}\n`);
    }
    if (!check) {
      writeModules(modules, out);
      return;
    }
    for (const { path } of staleModules(modules, out)) {
      process.stderr.write(
        `ringcast: ${join(out, path)} is not what the .proto files say; generate it again without --check\n`,
      );
      process.exitCode = 1;
    }
  },
});
