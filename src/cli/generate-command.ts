/** `ringcast generate`: event classes from users' .proto files. */
import { join } from 'node:path';
import { generate, staleModules, writeModules } from './codegen/generate.js';
import { defineCommand } from './command.js';
import { UsageError } from './command-errors.js';

const HELP = `Usage: ringcast generate FILE… --out DIR [--include DIR]… [--check]

Writes a TypeScript module of event classes for each .proto FILE and for what it imports. The package's own .proto files
can be imported without being found; their classes come from ringcast/events.

Options:
  -o, --out DIR      where the modules go; folders are made as needed
  -I, --include DIR  where imports are looked up too; may be given several times
      --check        write nothing, and exit with 1 where a module is missing or different
  -h, --help         this text
`;

export const command = defineCommand({
  name: 'generate',
  help: HELP,
  options: {
    out: { type: 'string', short: 'o' },
    include: { type: 'string', short: 'I', multiple: true },
    check: { type: 'boolean' },
  },
  async run({ out, include = [], check = false }, files) {
    const hint = 'For example: ringcast generate events.proto --out src/generated';
    if (files.length === 0) throw new UsageError('generate: no .proto file', hint);
    if (out === undefined) throw new UsageError('generate: no --out', hint);
    const modules = generate(files, { includeDirs: include });
    if (!check) {
      writeModules(modules, out);
      return;
    }
    for (const { path } of staleModules(modules, out)) {
      process.stderr.write(`ringcast: ${join(out, path)} is not what the .proto files say\n`);
      process.exitCode = 1;
    }
  },
});
