/** What `import 'ringcast'` adds to a process that does nothing; each in processes of their own. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type BenchCase, inTurns } from '../rounds.js';
import { median } from '../statistics.js';

const PACKAGE = import.meta.resolve('ringcast');
/** Processes of one round. */
const RUNS = 5;

const SUBJECTS: Readonly<Record<string, string>> = {
  ringcast: `import ${JSON.stringify(PACKAGE)};`,
  'empty process': '',
};

export const cases: readonly BenchCase[] = [
  inTurns(
    'start/import',
    { start: 'ms' },
    Object.entries(SUBJECTS).map(([name, source]) => ({
      name,
      open: () => ({
        startsAnew: true,
        async round() {
          const times: number[] = [];
          for (let i = 0; i < RUNS; i++) {
            const begin = performance.now();
            await promisify(execFile)(process.execPath, ['--input-type=module', '-e', source]);
            times.push(performance.now() - begin);
          }
          return { start: median(times) };
        },
        close() {},
      }),
    })),
  ),
];
