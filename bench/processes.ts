/**
 * Runs the suite in fresh processes: each round of each case is one, which warms up that case and nothing else. What V8
 * inlines, and where pages lie, is drawn anew with each process and stays for its life: one process is one sample, however
 * much is measured in it.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { UsageError } from './arguments.js';
import type { CaseInFile } from './cases.js';
import type { Measuring } from './measuring.js';
import { joined, type Result } from './results.js';

/** A Node to run on. */
export interface NodeBinary {
  readonly path: string;
  readonly node: string;
  readonly v8: string;
}

const script = fileURLToPath(new URL('./threads/case-run.js', import.meta.url));

export function nodeAt(path: string): NodeBinary {
  try {
    const versions = execFileSync(path, ['-p', 'JSON.stringify(process.versions)'], { encoding: 'utf8' });
    const { node, v8 } = JSON.parse(versions) as NodeJS.ProcessVersions;
    return { path, node, v8 };
  } catch {
    throw new UsageError(`--node ${path} is no Node that can be run`);
  }
}

/** What a process said before it left with an error. */
export class ProcessError extends Error {}

export interface Progress {
  /** Before each process. */
  onStart(round: number, index: number): void;
  /** When a case has all its rounds: what each Node has measured of it. */
  onCase(benchCase: CaseInFile, byNode: readonly (readonly Result[])[]): void;
  /** Each line once, whatever the number of processes that say it. */
  onLine(line: string): void;
}

/**
 * One round of all cases after the other, so that whatever the machine does for a minute hits one round of many cases, and not
 * all rounds of a few. Of several Nodes each begins in its turn.
 *
 * @returns the results of each Node, with a sample for each process
 */
export function runInProcesses(
  nodes: readonly NodeBinary[],
  cases: readonly CaseInFile[],
  rounds: number,
  measuring: Measuring,
  { onStart, onCase, onLine }: Progress,
): readonly (readonly Result[])[] {
  /** By case and Node: what each process has measured. */
  const measured = cases.map(() => nodes.map((): (readonly Result[])[] => []));
  const said = new Set<string>();
  const say = (stderr: string): void => {
    for (const line of stderr.split('\n')) {
      if (line !== '' && !said.has(line)) onLine(line);
      said.add(line);
    }
  };
  for (let round = 0; round < rounds; round++) {
    for (const [index, benchCase] of cases.entries()) {
      onStart(round, index);
      for (let turn = 0; turn < nodes.length && (round === 0 || !benchCase.once); turn++) {
        const at = (round + index + turn) % nodes.length;
        measured[index]![at]!.push(runCase(nodes[at]!, benchCase, { ...measuring, begin: round }, say));
      }
      if (round === rounds - 1) onCase(benchCase, measured[index]!.map(joined));
    }
  }
  return nodes.map((_, at) => measured.flatMap((byNode) => joined(byNode[at]!)));
}

function runCase(
  { path, node }: NodeBinary,
  { file, name }: CaseInFile,
  measuring: Measuring,
  say: (stderr: string) => void,
): readonly Result[] {
  const { status, stdout, stderr, error } = spawnSync(path, [script, file, name, JSON.stringify(measuring)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 2 ** 28,
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new ProcessError(`${name} failed on Node ${node}:\n${stderr.trim()}`);
  say(stderr);
  return JSON.parse(stdout) as Result[];
}
