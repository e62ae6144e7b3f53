/** What a module prints: it passes through the main thread, and what still waits for that is lost with its own. */
import type { Writable } from 'node:stream';
import { clearTimeout, setTimeout } from '../host/timing.js';

/** The end of a thread waits that long for the main thread, which may not be printing, or not turning. */
const MAX_WAIT_MS = 1_000;

/**
 * Call it before any code of the user's runs, which may replace the streams and their methods.
 *
 * @returns what waits for everything printed so far
 */
export function takeOutput(): () => Promise<void> {
  const { write } = process.getBuiltinModule('node:stream').Writable.prototype;
  const streams = [process.stdout, process.stderr];
  return async () => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, MAX_WAIT_MS);
    });
    await Promise.race([Promise.allSettled(streams.map((stream) => written(stream, write))), late]);
    clearTimeout(timer);
  };
}

function written(stream: Writable, write: Writable['write']): Promise<void> {
  return new Promise((resolve) => {
    // One that was ended fails what is written to it.
    if (!stream.writable) resolve();
    else write.call(stream, '', 'utf8', () => resolve());
  });
}
