/** `ringcast run` as a program of its own. */
import { runCommand } from '../../src/cli/run-command.js';

process.exitCode = await runCommand(process.argv.slice(2));
