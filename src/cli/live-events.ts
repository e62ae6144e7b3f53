/** The live source of `ringcast events`: a running containerd. */
import type { Bus } from '../index.js';
import { stopped } from './stopped.js';

/** Whether the daemon can decide on its own what passes a filter: an expression of its language, and no glob. */
function isExpression(filter: string): boolean {
  return !/^(\/|\*\*)/.test(filter);
}

/**
 * Puts the events of a daemon on the bus until a signal ends it, or `stop` is aborted. What happens to the connection is
 * told on standard error.
 */
export async function forwardLive(
  bus: Bus,
  address: string,
  filters: readonly string[],
  stop: AbortSignal,
): Promise<void> {
  // Loaded on demand: other sources do without its peer.
  const { fromContainerd } = await import('../bridges/containerd/index.js');
  // Globs are evaluated here, behind everything that the daemon has.
  const source = await fromContainerd(bus, { address, filters: filters.every(isExpression) ? filters : [] });
  const tell = (text: string): void => void process.stderr.write(`ringcast: ${text}\n`);
  source.on('disconnected', (error) => tell(`${address} is away: ${error?.message}`));
  source.on('gap', ({ count, reason }) =>
    tell(`events may be missing here (${count ?? 'nobody knows how many'}): ${reason}`),
  );
  try {
    // A filter that the daemon does not take makes it never ready.
    const failed = source.ready.then(() => new Promise<never>(() => {}));
    await Promise.race([stopped(stop), failed]);
  } finally {
    await source.close();
  }
}
