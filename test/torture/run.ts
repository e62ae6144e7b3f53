/**
 * `npm run torture -- --minutes N --seed S`: torture for as long as you like, and a table at the end. With `--connections`, of threads
 * that publish and subscribe over connections.
 */
import { parseArgs } from 'node:util';
import { tortureConnections } from './connected-torture.js';
import { torture } from './torture.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 100_000) },
    'kill-every-ms': { type: 'string', default: '400' },
    kills: { type: 'string' },
    connections: { type: 'boolean', default: false },
  },
});

const common = {
  durationMs: Number(values.minutes) * 60_000,
  seed: Number(values.seed),
  killEveryMs: Number(values['kill-every-ms']),
};
const report = values.connections
  ? await tortureConnections({
      ...common,
      publishers: 8,
      listeners: 4,
      onRound: ({ rounds, events, publishersKilled, listenersKilled, violations }) =>
        say(rounds, events, publishersKilled + listenersKilled, violations),
    })
  : await torture({
      ...common,
      ...(values.kills === undefined ? {} : { maxKills: Number(values.kills) }),
      onRound: ({ rounds, events, killsOutside, violations }) => say(rounds, events, killsOutside, violations),
    });
print(report);
process.exitCode = report.violations.length > 0 ? 1 : 0;

function say(rounds: number, events: number, kills: number, violations: readonly string[]): void {
  console.error(`round ${rounds}: ${events} events, ${kills} kills, ${violations.length} violations`);
}

function print({ violations, ...figures }: { readonly violations: readonly string[] }): void {
  for (const [name, figure] of Object.entries(figures)) console.log(`${name.padEnd(18)} ${figure}`);
  for (const violation of violations) console.log(`VIOLATED ${violation}`);
}
