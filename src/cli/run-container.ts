/** One container from start to deletion, for the command: an interruption kills it. */
import type { Container } from '../services/index.js';

/**
 * @param whenStarted called once it runs
 * @returns its exit status
 * @throws the reason of `signal` when that is aborted; the container is stopped then
 */
export async function runToEnd(
  container: Container,
  signal: AbortSignal,
  whenStarted = async () => {},
): Promise<number> {
  signal.throwIfAborted();
  await container.start();
  // Should that fail, a second interruption ends this process.
  const kill = () => void container.kill('SIGKILL').catch(() => {});
  signal.addEventListener('abort', kill, { once: true });
  try {
    if (signal.aborted) kill();
    await whenStarted();
    const { exitStatus } = await container.wait();
    signal.throwIfAborted();
    await container.delete();
    return exitStatus;
  } finally {
    signal.removeEventListener('abort', kill);
  }
}
