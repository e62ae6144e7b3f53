/**
 * `npm run bench:profile`: where the time of a function goes, from profiles that `node --cpu-prof` wrote.
 *
 * Arguments: a regular expression for the function (`publish bus.js:627`), then the files. Prints what it and all that it called
 * spent in each function itself, as a share of the whole.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { align } from './report.js';

/** What of a profile is needed, as Chrome's DevTools protocol has it. */
interface Profile {
  readonly nodes: readonly ProfileNode[];
  /** Ids of nodes, one for each sample. */
  readonly samples: readonly number[];
  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

/** Less is not worth a line. */
const MIN_SHARE = 0.01;

function placeOf({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  return url === '' ? name : `${name} ${basename(url)}:${lineNumber + 1}`;
}

/** Microseconds by function, of all that `root` called and of itself. */
function timesBelow(root: RegExp, { nodes, samples, timeDeltas }: Profile): Map<string, number> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const below = new Set<number>();
  const addAll = (id: number): void => {
    below.add(id);
    for (const child of byId.get(id)!.children ?? []) addAll(child);
  };
  for (const node of nodes) if (root.test(placeOf(node))) addAll(node.id);
  const times = new Map<string, number>();
  samples.forEach((id, index) => {
    if (!below.has(id)) return;
    const place = placeOf(byId.get(id)!);
    times.set(place, (times.get(place) ?? 0) + timeDeltas[index]!);
  });
  return times;
}

const [root, ...files] = process.argv.slice(2);
if (root === undefined || files.length === 0) {
  console.error('usage: npm run bench:profile -- REGEX FILE.cpuprofile…');
  process.exit(2);
}
for (const file of files) {
  const times = timesBelow(new RegExp(root), JSON.parse(readFileSync(file, 'utf8')) as Profile);
  const whole = [...times.values()].reduce((sum, time) => sum + time, 0);
  if (whole === 0) continue;
  const rows = [...times]
    .filter(([, time]) => time >= whole * MIN_SHARE)
    .sort(([, a], [, b]) => b - a)
    .map(([place, time]) => [`${((time / whole) * 100).toFixed(1)} %`, place]);
  console.log(`${basename(file)}: ${(whole / 1e6).toFixed(2)} s in ${root}\n${align(rows, [0])}`);
}
