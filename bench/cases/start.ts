/** What a subscriber thread takes to start, and of memory, beside a bare Worker; in processes of their own. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type BenchCase, inTurns } from '../rounds.js';
import type { StartCost, StartSubject } from '../threads/start-run.js';

const SUBJECTS: readonly StartSubject[] = ['ringcast', 'Worker'];
const THREADS = 4;
const MIB = 2 ** 20;
const script = fileURLToPath(new URL('../threads/start-run.js', import.meta.url));

export const cases: readonly BenchCase[] = [
  inTurns(
    'thread/start',
    { ready: 'ms', memory: 'MiB' },
    SUBJECTS.map((name) => ({
      name,
      open: () => ({
        startsAnew: true,
        async round() {
          const { stdout } = await promisify(execFile)(process.execPath, [script, name, String(THREADS)]);
          const { readyMs, rssBytes } = JSON.parse(stdout) as StartCost;
          return { ready: readyMs, memory: rssBytes / MIB };
        },
        close() {},
      }),
    })),
  ),
];
