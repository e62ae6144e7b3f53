/** A line on the terminal that says how far long work has come. */
import { clearInterval, monotonicMs, setInterval } from '../host/timing.js';

/** Work that is over sooner shows nothing. */
const QUIET_MS = 1_000;
const INTERVAL_MS = 200;

/**
 * Shows what `text` returns on standard error, several times a second, until stopped. Does nothing where `shown` is false
 * or standard error is no terminal.
 *
 * @returns stops it and clears the line
 */
export function showProgress(shown: boolean, text: () => string): () => void {
  if (!shown || !process.stderr.isTTY) return () => {};
  const startedMs = monotonicMs();
  let drawn = false;
  const timer = setInterval(() => {
    if (monotonicMs() - startedMs < QUIET_MS) return;
    drawn = true;
    // To the start of the line, and clear what is right of the text.
    process.stderr.write(`\r${text()}\x1b[K`);
  }, INTERVAL_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    if (drawn) process.stderr.write('\r\x1b[K');
  };
}

export function withThousands(count: number): string {
  return count.toLocaleString('en-US', { maximumFractionDigits: 0 });
}
