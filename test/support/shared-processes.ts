/** Which test files share a process, and in which order all of them start. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * Short files of a folder share a process, so many at a time: what it takes to start one and to load the modules is taken once.
 */
const TOGETHER = 10;
/** But for those that change something of their process, or look at all of it: its memory, its warnings, its signals. */
const TOUCHES_PROCESS =
  /process\.(on|once|chdir|memoryUsage|listenerCount)\(|process\.env\.\w+ = |\(process, '|setFlagsFromString|'node:(diagnostics_channel|inspector)|\bmock\./;
/** What the test gives to other processes and threads to run. */
const TEMPLATES = /`(?:\\.|[^`\\])*`/gs;
/** And those that look at what their process has loaded, or how long it lives. */
const ALONE = ['bounded-run', 'topic/regular-expression'];

/** Files that take longest, in this order: each has its process, and started first, they do not run alone at the end. */
const LONGEST = [
  'models/models',
  'together/bus-',
  'together/cli-',
  'together/worker-',
  'together/bridges-',
  'bus/hanging-threads',
  'services/container/container',
  'torture/',
  'package/package',
  'together/services-',
  'worker/restarts',
  'together/connect-',
  'cli/top',
  'bridges/containerd/containerd',
  'cli/run-',
  'services/end-to-end',
  'hostile/fake-timers',
  'concurrency/',
  'bridges/nats/nats',
  'together/',
  'cli/events',
  'observe/serving',
  'random-use/',
  'observe/hostile-clients',
  'connect/publishing',
  'connect/subscribing-modules',
  'bench/run',
  'bus/kept-memory',
  'services/rootfs/tar-reader',
  'opentelemetry/opentelemetry',
  'worker/module-failures',
  'connect/host-bus',
  'bus/stalls',
];

const compiled = fileURLToPath(new URL('../../', import.meta.url));

/** What files that share a process are called. */
const names = new Map<string, string>();

export function nameOf(file: string): string {
  return names.get(file) ?? relative(compiled, file);
}

/** The same files, with one in place of those that share a process, in the order in which they are to start. */
export function together(files: readonly string[]): string[] {
  const alone = files.filter(isAlone);
  const others = files.filter((file) => !isAlone(file)).sort();
  const shared = [...new Set(others.map(folderOf))].flatMap((folder) => {
    const members = others.filter((file) => folderOf(file) === folder);
    // As many in each process as in the others, as nearly as can be.
    const processes = Math.ceil(members.length / TOGETHER);
    const parts = Array.from({ length: processes }, (_, part) => members.filter((_, at) => at % processes === part));
    return parts.map((part, index) => (part.length === 1 ? part[0]! : sharedFile(`${folder}-${index + 1}`, part)));
  });
  return [...alone, ...shared].sort(byLength);
}

function folderOf(file: string): string {
  return nameOf(file).split('/').slice(1, -1)[0] ?? 'other';
}

function isAlone(file: string): boolean {
  const name = nameOf(file);
  return (
    file.endsWith('.full.test.js') ||
    rank(file) < LONGEST.length ||
    ALONE.some((part) => name === `test/${part}.test.js`) ||
    TOUCHES_PROCESS.test(readFileSync(file, 'utf8').replaceAll(TEMPLATES, ''))
  );
}

/** Imports the members one after the other. Its name has theirs: a report of the process has to say whose it may be. */
function sharedFile(name: string, members: readonly string[]): string {
  const file = join(compiled, 'test', 'together', `${name}.js`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, members.map((member) => `import ${JSON.stringify(pathToFileURL(member).href)};\n`).join(''));
  names.set(file, `test/together/${name}.js: ${members.map((member) => basename(member, '.test.js')).join(', ')}`);
  return file;
}

function byLength(one: string, other: string): number {
  return rank(one) - rank(other) || (one < other ? -1 : 1);
}

function rank(file: string): number {
  const place = LONGEST.findIndex((part) => file.includes(`/test/${part}`));
  return place === -1 ? LONGEST.length : place;
}
