/** `npm run torture -- --minutes N --seed S`: torture for as long as you like, and a table at the end. */
import { parseArgs } from 'node:util';
import { type TortureReport, torture } from './torture.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 100_000) },
    'kill-every-ms': { type: 'string', default: '400' },
    kills: { type: 'string' },
  },
});

const report = await torture({
  durationMs: Number(values.minutes) * 60_000,
  seed: Number(values.seed),
  killEveryMs: Number(values['kill-every-ms']),
  ...(values.kills === undefined ? {} : { maxKills: Number(values.kills) }),
  onRound: ({ rounds, events, killsOutside, violations }) =>
    console.error(`round ${rounds}: ${events} events, ${killsOutside} kills, ${violations.length} violations`),
});
print(report);
process.exitCode = report.violations.length > 0 ? 1 : 0;

function print({ violations, ...figures }: TortureReport): void {
  for (const [name, figure] of Object.entries(figures)) console.log(`${name.padEnd(14)} ${figure}`);
  for (const violation of violations) console.log(`VIOLATED ${violation}`);
}
