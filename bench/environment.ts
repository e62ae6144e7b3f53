/** Where a run took place: figures without it say nothing. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import { fileURLToPath } from 'node:url';

export interface Environment {
  readonly date: string;
  readonly command: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMiB: number;
  readonly os: string;
  readonly node: string;
  readonly v8: string;
  /** Of the repository; `unknown` outside one. */
  readonly commit: string;
  /** Whether files differ from the commit. */
  readonly dirty: boolean;
  /** Load average over the last minute, at the start of the run. */
  readonly loadAverage: number;
  /** Versions of what is measured beside us. */
  readonly peers: Readonly<Record<string, string>>;
}

const root = fileURLToPath(new URL('../../', import.meta.url));
const PEERS = ['protobufjs', 'msgpackr', 'piscina', 'picomatch', 'qlobber', 'eventemitter2', 'mqemitter'] as const;

export function describeEnvironment(command: string): Environment {
  const commit = git('rev-parse', 'HEAD');
  return {
    date: new Date().toISOString(),
    command,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    os: `${type()} ${release()}`,
    node: process.versions.node,
    v8: process.versions.v8,
    commit: commit ?? 'unknown',
    dirty: commit !== undefined && git('status', '--porcelain') !== '',
    loadAverage: loadavg()[0]!,
    peers: Object.fromEntries(PEERS.map((name) => [name, versionOf(name)])),
  };
}

function git(...args: string[]): string | undefined {
  try {
    return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}

function versionOf(name: string): string {
  const { version } = JSON.parse(readFileSync(`${root}node_modules/${name}/package.json`, 'utf8')) as {
    version: string;
  };
  return version;
}
