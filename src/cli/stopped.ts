/** How commands end that work until they are told to stop. */
import { once } from 'node:events';

/** Resolves at the first SIGINT or SIGTERM, or when `fault` is aborted. */
export async function stopped(fault: AbortSignal): Promise<void> {
  if (fault.aborted) return;
  const over = new AbortController();
  const { signal } = over;
  const ends = [
    once(process, 'SIGINT', { signal }),
    once(process, 'SIGTERM', { signal }),
    once(fault, 'abort', { signal }),
  ];
  await Promise.race(ends);
  over.abort();
}
