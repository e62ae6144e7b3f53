/** The option `--filter` of commands. */
import { BusError } from '../index.js';
import { compileFilter } from '../topic/filter.js';
import { UsageError } from './command-errors.js';

/**
 * Called before anything is opened.
 *
 * @throws {UsageError} for what is no filter
 */
export function checkFilter(command: string, filter: readonly string[]): void {
  try {
    compileFilter(filter);
  } catch (error) {
    if (!(error instanceof BusError)) throw error;
    throw new UsageError(
      `${command}: ${error.message}`,
      "A filter is a glob such as '/tasks/**' or an expression such as 'topic==\"/tasks/exit\"'.",
      { cause: error },
    );
  }
}
