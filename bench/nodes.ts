/** Runs the suite on several Nodes: case by case in turns, each in a process of its own. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError } from './arguments.js';
import type { Environment } from './environment.js';
import type { Report, Result } from './results.js';

const run = fileURLToPath(new URL('./run.js', import.meta.url));

/** The version of a Node binary. */
export function versionOf(node: string): string {
  try {
    return execFileSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim();
  } catch {
    throw new UsageError(`--node ${node} is no Node that can be run`);
  }
}

/**
 * @param caseNames in the order in which they run
 * @param options for each run of one case
 * @param onCase told of what each Node has measured of a case
 * @returns the report of the first Node, with those of the others beside it
 */
export function runOnNodes(
  nodes: readonly string[],
  caseNames: readonly string[],
  options: readonly string[],
  onCase: (name: string, byNode: readonly (readonly Result[])[]) => void,
): Report {
  const folder = mkdtempSync(join(tmpdir(), 'ringcast-bench-'));
  const environments: Environment[] = [];
  const results: Result[][] = nodes.map(() => []);
  try {
    for (const [turn, name] of caseNames.entries()) {
      const byNode: (readonly Result[])[] = [];
      for (let i = 0; i < nodes.length; i++) {
        const at = (turn + i) % nodes.length;
        const report = measure(nodes[at]!, name, options, join(folder, 'report.json'));
        environments[at] ??= report.environment;
        results[at]!.push(...report.results);
        byNode[at] = report.results;
      }
      onCase(name, byNode);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  const [first, ...beside] = environments.map((environment, at) => ({ environment, results: results[at]! }));
  return { ...first!, beside };
}

function measure(node: string, name: string, options: readonly string[], json: string): Report {
  execFileSync(node, [run, ...options, '--only', `^${name}$`, '--json', json], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return JSON.parse(readFileSync(json, 'utf8')) as Report;
}
