/** What this process has in use, garbage aside. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
/** Collects garbage now. */
export const collect = runInNewContext('gc') as () => void;

/** Heap and buffers in use after a forced collection. */
export function usedBytes(): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
