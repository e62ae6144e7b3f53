/** `ringcast top`: what the buses of running processes do, live. */
import type { Sample } from '../observe/serving/protocol.js';
import { defineCommand } from './command.js';
import { UsageError } from './command-errors.js';
import { findSockets, followBus } from './top/served-buses.js';
import { showOnScreen } from './top/top-screen.js';
import { viewOf } from './top/top-view.js';

const HELP = `Usage: ringcast top [PID|NAME|PATH] [--json | --web] [--interval MS] [--count N] [--port N]

Shows what a bus does, for each process that serves its statistics: with RINGCAST_STATS=1, or by bus.serveStats(). PID or
NAME chooses among them, PATH is a socket. On a terminal the view is live; otherwise it is printed once per interval.

Options:
  -j, --json         one JSON object per bus and interval: pid, name, blockedMs, stats, health
  -w, --web          as a page in the browser, for this user of this machine; prints its address
  -p, --port N       port of the page; default: one that is free
  -i, --interval MS  time between two samples, 100 to 60000; default 1000
  -n, --count N      end after N samples of each bus
  -h, --help         this text

Keys: q quit, s sort, p pause, + and - interval, n next bus, up and down scroll.

Exit codes: 0 done, 1 no such bus, 2 wrong usage
`;

const SEE_HELP = 'See ringcast top --help.';

export const command = defineCommand({
  name: 'top',
  help: HELP,
  options: {
    json: { type: 'boolean', short: 'j' },
    web: { type: 'boolean', short: 'w' },
    port: { type: 'string', short: 'p' },
    interval: { type: 'string', short: 'i' },
    count: { type: 'string', short: 'n' },
  },
  async run({ json = false, web = false, port, interval = '1000', count }, operands) {
    if (operands.length > 1) throw new UsageError('top: one process at most', SEE_HELP);
    const intervalMs = integer('interval', interval, 100, 60_000);
    const samples = count === undefined ? Number.POSITIVE_INFINITY : integer('count', count, 1, 1_000_000_000);
    if (web) {
      if (json || count !== undefined) throw new UsageError('top: --web takes neither --json nor --count', SEE_HELP);
      const { servePage } = await import('./web/serve-page.js');
      await servePage(operands[0], intervalMs, integer('port', port ?? '0', 0, 65_535));
      return;
    }
    if (port !== undefined) throw new UsageError('top: --port is for --web', SEE_HELP);
    const sockets = await findSockets(operands[0]);
    // A dumb one moves no cursor.
    const isScreen = process.stdout.isTTY && process.stdin.isTTY && process.env.TERM !== 'dumb';
    if (!json && samples === Number.POSITIVE_INFINITY && isScreen) {
      const reason = await showOnScreen(sockets, intervalMs);
      if (reason !== undefined) process.stderr.write(`ringcast: ${reason}\n`);
      return;
    }
    await Promise.all(sockets.map((path) => print(path, intervalMs, samples, json ? jsonOf : blocksOf())));
  },
});

type Format = (sample: Sample) => string;

const jsonOf: Format = (sample) => JSON.stringify(sample);

function blocksOf(): Format {
  let previous: Sample | undefined;
  return (sample) => {
    const rows = sample.stats.subscriptions.length + sample.stats.connections.length + 6;
    const options = { columns: 120, rows, colour: false, sort: 'backlog', skip: 0, which: '', paused: false } as const;
    const lines = viewOf(sample, previous, options);
    previous = sample;
    // Without the last line, which tells of keys.
    return `${lines
      .slice(0, -1)
      .map((line) => line.trimEnd())
      .join('\n')}\n`;
  };
}

/** Prints samples of a bus until there were enough, or it is gone. */
function print(path: string, intervalMs: number, samples: number, format: Format): Promise<void> {
  let left = samples;
  return new Promise((resolve) => {
    const socket = followBus(
      path,
      intervalMs,
      (sample) => {
        if (left === 0) return;
        process.stdout.write(`${format(sample)}\n`);
        if (--left === 0) socket.destroy();
      },
      (reason) => {
        if (left > 0) {
          process.stderr.write(`ringcast: ${reason}\n`);
          if (left === samples) process.exitCode = 1;
        }
        resolve();
      },
    );
  });
}

function integer(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new UsageError(`top: --${option} takes a whole number from ${least} to ${most}, got ${text}`, SEE_HELP);
}
