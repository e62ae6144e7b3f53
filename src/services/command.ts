/** Runs another program to its end. */
import { execFile } from 'node:child_process';
import { CommandFailedError, MissingDependencyError } from './service-errors.js';

const MAX_OUTPUT_BYTES = 16 * 2 ** 20;

/**
 * What it prints is English, whatever the locale: a caller may have to look into it.
 *
 * @param mend what to do where the program is missing
 * @returns what it wrote to its standard output
 * @throws {MissingDependencyError} `SERVICE_MISSING_DEPENDENCY`
 * @throws {CommandFailedError} `SERVICE_COMMAND_FAILED` with the last line of its standard error; all of it in the message of `cause`
 */
export function command(file: string, args: readonly string[], mend: string): Promise<string> {
  const env = { ...process.env, LC_ALL: 'C' };
  return new Promise((resolve, reject) => {
    execFile(file, args, { maxBuffer: MAX_OUTPUT_BYTES, env }, (error, stdout, stderr) => {
      if (!error) resolve(stdout);
      else if (error.code === 'ENOENT')
        reject(new MissingDependencyError(`the program ${file}`, mend, { cause: error }));
      else {
        const reason = stderr.trim().split('\n').at(-1) || error.message;
        reject(new CommandFailedError(`${file} ${args[0] ?? ''}`, reason, { cause: error }));
      }
    });
  });
}
