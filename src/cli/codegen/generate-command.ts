/** `ringcast generate --out DIR [-I DIR]… FILE.proto…`: event classes for a user's own messages. */

import { parseArgs } from 'node:util';
import { BusError } from '../../errors.js';
import { generate, writeModules } from './generate.js';

export const GENERATE_USAGE = `usage: ringcast generate --out DIR [-I DIR]... FILE.proto...

Writes a TypeScript module with an event class per message for each file and the files it imports.
Name the compiled modules in the bus option "types", so that every thread knows them.

  -o, --out DIR       where the modules go
  -I, --include DIR   where imports are looked up, besides the importing file's folder`;

/**
 * Runs the command.
 *
 * @param args   what follows `generate` on the command line
 * @param print  takes one line for standard error
 * @returns the exit code: 0, 1 where a file is at fault, 2 where the command line is
 */
export function generateCommand(args: readonly string[], print: (line: string) => void): number {
  let parsed: { out: string | undefined; include: string[]; files: string[] };
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { out: { type: 'string', short: 'o' }, include: { type: 'string', short: 'I', multiple: true } },
      allowPositionals: true,
    });
    parsed = { out: values.out, include: values.include ?? [], files: positionals };
  } catch (error) {
    return usageError((error as Error).message, print);
  }
  const { out, include, files } = parsed;
  if (out === undefined) return usageError('--out is missing', print);
  if (files.length === 0) return usageError('no FILE.proto is given', print);
  try {
    writeModules(generate(files, { includeDirs: include }), out);
    return 0;
  } catch (error) {
    if (!(error instanceof BusError) && (error as NodeJS.ErrnoException).syscall === undefined) throw error;
    print(`ringcast generate: ${(error as Error).message}`);
    return 1;
  }
}

function usageError(message: string, print: (line: string) => void): number {
  print(`ringcast generate: ${message}`);
  print(GENERATE_USAGE);
  return 2;
}
