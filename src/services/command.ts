/** Runs another program to its end. */
import { execFile } from 'node:child_process';
import { CommandFailedError, MissingDependencyError } from './service-errors.js';

const MAX_OUTPUT_BYTES = 16 * 2 ** 20;

/**
 * @param mend what to do where the program is missing
 * @returns what it wrote to its standard output
 * @throws {MissingDependencyError} `SERVICE_MISSING_DEPENDENCY`
 * @throws {CommandFailedError} `SERVICE_COMMAND_FAILED` with the last line of its standard error
 */
export function command(file: string, args: readonly string[], mend: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(file, args, { maxBuffer: MAX_OUTPUT_BYTES }, (error, stdout, stderr) => {
      if (!error) resolve(stdout);
      else if (error.code === 'ENOENT')
        reject(new MissingDependencyError(`the program ${file}`, mend, { cause: error }));
      else
        reject(new CommandFailedError(`${file} ${args[0] ?? ''}`, stderr.trim().split('\n').at(-1) || error.message));
    });
  });
}
