/**
 * `npm run random-use -- --minutes N --seed S`: random use for as long as you like.
 *
 * `--round R` begins there, `--rounds N` ends after so many, `--script FILE` runs a script that was printed. `--connections`:
 * threads that use a bus together.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { runScript, useAtRandom } from './random-use.js';
import type { Script } from './script.js';
import { useFromThreads } from './threads.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 100_000) },
    round: { type: 'string', default: '0' },
    rounds: { type: 'string' },
    'shrink-seconds': { type: 'string', default: '60' },
    script: { type: 'string' },
    connections: { type: 'boolean', default: false },
  },
});

const common = {
  seed: Number(values.seed),
  round: Number(values.round),
  durationMs: Number(values.minutes) * 60_000,
  ...(values.rounds === undefined ? {} : { rounds: Number(values.rounds) }),
  onRound: (round: number, result: { readonly faults: readonly string[] }) => {
    if (result.faults.length > 0) console.error(`seed ${values.seed}, round ${round}:\n${result.faults.join('\n')}`);
  },
};

if (values.connections) {
  console.log(`seed ${values.seed}`);
  const { faults, ...figures } = await useFromThreads(common);
  print(figures, faults);
} else if (values.script !== undefined) {
  const { faults, ...figures } = await runScript(JSON.parse(readFileSync(values.script, 'utf8')) as Script);
  print(figures, faults);
} else {
  console.log(`seed ${values.seed}`);
  const shrinkMs = Number(values['shrink-seconds']) * 1_000;
  const { faults, script, ...figures } = await useAtRandom({ ...common, shrinkMs });
  if (script !== undefined) console.log(JSON.stringify(script));
  print(figures, faults);
}

function print(figures: object, faults: readonly string[]): void {
  for (const [name, figure] of Object.entries(figures)) console.log(`${name.padEnd(14)} ${figure}`);
  for (const fault of faults) console.log(`BROKEN ${fault}`);
  process.exitCode = faults.length > 0 ? 1 : 0;
}
