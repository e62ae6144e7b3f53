/** The published files, for processes and threads that a test starts: they load in half the time that the compiled modules take. */
import { fileURLToPath } from 'node:url';

/** URL of what `ringcast` is. */
export const LIBRARY = new URL('../../lib/index.js', import.meta.url).href;
/** Path of the command. */
export const COMMAND = fileURLToPath(new URL('../../lib/cli.js', import.meta.url));
