/** The house rules that a compiler does not check: where things are, who may import whom, how long a file gets. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative, sep } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const MAX_LINES = 500;
const MAX_SOURCE_LINES = 250;
const MAX_FILES = 25;

/** Files of src that do one thing and are longer all the same: lists, and what waits for a second look. */
const LONG_FILES: readonly string[] = ['src/errors.ts'];

function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'));
}

/** Folders that hold files, the given ones included. */
function foldersOf(tops: readonly string[]): string[] {
  const below = tops.flatMap((top) =>
    readdirSync(join(root, top), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(root, entry.parentPath).split(sep).join('/')),
  );
  return [...new Set([...tops, ...below])];
}

function readmeOf(folder: string): string | undefined {
  const file = join(root, folder, 'README.md');
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/** The files of the project; empty outside a repository. What editors, package managers and builds leave is not tracked. */
function trackedFiles(): string[] {
  const { status, stdout } = spawnSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' });
  return status === 0 ? stdout.split('\0').slice(0, -1) : [];
}

/** Module specifiers of static imports, re-exports and dynamic imports of literals. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const patterns = [
    /(?:^|\n)\s*(?:import|export)\s[^'";]*?from\s+'([^']+)'/g,
    /(?:^|\n)\s*import\s+'([^']+)'/g,
    /import\('([^']+)'\)/g,
  ];
  return patterns.flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[1]!));
}

/** The file that a relative specifier means. */
function fileOf(specifier: string, importer: string): string {
  return normalize(join(dirname(importer), specifier))
    .split(sep)
    .join('/')
    .replace(/\.js$/, '.ts');
}

/** Files of this package that a file imports. */
function neighboursOf(file: string): string[] {
  const relatives = importsOf(file).filter((specifier) => specifier.startsWith('.'));
  return relatives.map((specifier) => fileOf(specifier, file));
}

/** Layers from the top down. A file may import its own layer and those below; siblings share a level. */
const LEVELS: Readonly<Record<string, number>> = {
  build: 0,
  cli: 0,
  bridges: 1,
  services: 1,
  testing: 1,
  opentelemetry: 1,
  index: 2,
  events: 2,
  bus: 3,
  observe: 4,
  emit: 4,
  connect: 5,
  subscribe: 6,
  publish: 7,
  'module-bus': 2,
  'host-thread': 2,
  'worker-entry': 7,
  'stats-thread': 3,
  worker: 8,
  channels: 9,
  topic: 10,
  envelope: 10,
  ring: 10,
  memory: 11,
  host: 12,
  'option-check': 12,
  'package-files': 12,
  errors: 13,
  'filter-errors': 14,
  'thread-errors': 14,
  'bus-error': 15,
  shown: 16,
};

function layerOf(file: string): string {
  return file
    .replace(/^src\//, '')
    .replace(/\.ts$/, '')
    .split('/')[0]!;
}

/** Third-party packages, by the specifier used, and the one file that imports each; of `piscina` one below the bus and one above. */
const IMPORTERS: Readonly<Record<string, string | readonly string[]>> = {
  '@opentelemetry/api': 'src/opentelemetry/api.ts',
  '@grpc/grpc-js': 'src/bridges/containerd/grpc-package.ts',
  '@nats-io/jetstream': 'src/bridges/nats/jetstream-package.ts',
  '@nats-io/transport-node': 'src/bridges/nats/jetstream-package.ts',
  'msgpackr/unpack': 'src/envelope/payload-codec.ts',
  'picomatch/posix.js': 'src/topic/picomatch-check.ts',
  // The services use it as users of the bus do.
  piscina: ['src/services/rootfs/unpack-pool.ts', 'src/worker/supervision/worker-host.ts'],
  protobufjs: 'src/cli/codegen/proto-parser.ts',
  rolldown: 'src/build/chunks.ts',
  'rolldown/parseAst': 'src/build/local-imports.ts',
  re2js: 'src/topic/regular-expression.ts',
  uplot: 'src/cli/web/page/charts.ts',
  tar: 'src/services/rootfs/tar-package.ts',
};

const sources = filesBelow('src');

describe('architecture', () => {
  test('every file of src is in a known layer', () => {
    assert.ok(sources.length > 50, 'the walk found the sources');
    for (const file of sources) assert.ok(layerOf(file) in LEVELS, `${file} is in no layer`);
  });

  test('imports go down only, and siblings never import each other', () => {
    const faults: string[] = [];
    let seen = 0;
    for (const file of sources) {
      for (const specifier of importsOf(file)) {
        if (!specifier.startsWith('.')) continue;
        seen++;
        const target = fileOf(specifier, file);
        assert.ok(sources.includes(target), `${file} imports ${specifier}, which is no source file`);
        const [from, to] = [layerOf(file), layerOf(target)];
        if (from === to) continue;
        if (LEVELS[from]! >= LEVELS[to]!) faults.push(`${file} imports ${target}`);
        // The services see what users see.
        if (from === 'services' && !['index', 'events', 'host'].includes(to)) faults.push(`${file} imports ${target}`);
      }
    }
    assert.ok(seen > 100, 'the scan found imports');
    assert.deepEqual(faults, []);
  });

  test('no file imports itself by way of others, types included', () => {
    const done = new Set<string>();
    const walk = (file: string, path: readonly string[]): void => {
      assert.ok(!path.includes(file), [...path, file].join(' imports '));
      if (done.has(file)) return;
      for (const target of neighboursOf(file)) walk(target, [...path, file]);
      done.add(file);
    };
    for (const file of sources) walk(file, []);
  });

  test('nobody imports the entry of threads', () => {
    for (const file of sources) {
      assert.ok(!importsOf(file).some((specifier) => specifier.endsWith('/worker-entry.js')), file);
    }
  });

  test('each third-party package has one importing file', () => {
    const found: Record<string, string[]> = {};
    for (const file of sources) {
      for (const specifier of importsOf(file)) {
        if (specifier.startsWith('.') || specifier.startsWith('node:')) continue;
        found[specifier] ??= [];
        if (!found[specifier].includes(file)) found[specifier].push(file);
      }
    }
    for (const [specifier, files] of Object.entries(found))
      assert.deepEqual(files.toSorted(), [IMPORTERS[specifier]].flat(), specifier);
    assert.deepEqual(Object.keys(found).sort(), Object.keys(IMPORTERS).sort());
  });

  test('timers and clocks come from one file, which took them before anybody could replace them; none opens standard input', () => {
    const timers = /(?<![.#\w])(?:set|clear)(?:Timeout|Interval|Immediate)\b(?!:)|(?<![.#\w])queueMicrotask\b/g;
    const others =
      /\bperformance\.|\bDate\.now\b|\bnew Date\(\)|\bnextTick\b|\bhrtime\b|\buptime\b|\bAbortSignal\.timeout\b|\bglobalThis\b|'(?:node:)?(?:timers|perf_hooks)(?:\/promises)?'|\bscheduler\./g;
    let seen = 0;
    for (const file of sources) {
      assert.ok(
        !importsOf(file).includes('node:process'),
        `${file} opens standard input by its import of node:process`,
      );
      // What runs in a browser has none of Node's.
      if (file === 'src/host/timing.ts' || file.startsWith('src/cli/web/page/')) continue;
      const text = readFileSync(join(root, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
      const imported = /import \{([^}]*)\} from '[./]*\/(?:host\/)?timing\.js'/.exec(text)?.[1]?.split(/[\s,]+/) ?? [];
      for (const [name] of text.matchAll(timers)) {
        seen++;
        assert.ok(imported.includes(name), `${file} uses the global ${name}`);
      }
      assert.deepEqual(text.match(others), null, `${file} has a timer or a clock of its own`);
    }
    assert.ok(seen > 30, 'the scan found timers');
  });

  test('messages are taken from ports in one file, which knows what a thread that is being ended gets', () => {
    const taking = sources.filter((file) => readFileSync(join(root, file), 'utf8').includes('receiveMessageOnPort'));
    // The second one has it from Node, for the first.
    assert.deepEqual(taking, ['src/host/ports.ts', 'src/host/worker-threads.ts']);
  });

  test('no file has a name that says nothing', () => {
    const nothing = /^(utils?|helpers?|common|types|constants|misc|base|manager|impl)(\.|$)/i;
    for (const file of [...sources, ...filesBelow('test'), ...filesBelow('bench')]) {
      // Generated files are called as the .proto files are.
      if (file.includes('/generated/')) continue;
      for (const part of file.replace(/^test\/types\//, '').split('/')) assert.ok(!nothing.test(part), file);
    }
  });

  const linesOf = (file: string): number => readFileSync(join(root, file), 'utf8').trimEnd().split('\n').length;
  const written = [...sources, ...filesBelow('test'), ...filesBelow('bench')].filter(
    (file) => !file.includes('/generated/'),
  );

  test(`no file is longer than ${MAX_LINES} lines, and none of src but lists longer than ${MAX_SOURCE_LINES}`, () => {
    for (const file of written) {
      const most = file.startsWith('src/') && !LONG_FILES.includes(file) ? MAX_SOURCE_LINES : MAX_LINES;
      assert.ok(linesOf(file) <= most, `${file} has ${linesOf(file)} lines`);
    }
    for (const file of LONG_FILES) assert.ok(linesOf(file) > MAX_SOURCE_LINES, `${file} is no longer long`);
  });

  test(`no folder of src has more than ${MAX_FILES} files beside each other, and src/bus no more than a dozen`, () => {
    const counts = new Map<string, number>();
    for (const file of sources) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
    assert.ok(counts.size > 10, 'the walk found the folders');
    for (const [folder, count] of counts) {
      const most = folder === 'src/bus' ? 12 : MAX_FILES;
      assert.ok(count <= most, `${folder} has ${count} files`);
    }
  });

  test('generated files say so, and only they', () => {
    for (const file of sources) {
      const says = /^\/\/ Generated by ringcast/.test(readFileSync(join(root, file), 'utf8'));
      assert.equal(says, file.startsWith('src/envelope/generated/'), file);
    }
  });

  test('every folder says what it is for, in a README of its own or in one above it', () => {
    let seen = 0;
    for (const folder of foldersOf(['src', 'bench', 'test', 'proto'])) {
      seen++;
      // A README says what its own folder is for, and, by naming them, what those below it are for.
      const path = folder.split('/');
      const said = path.some((_, depth) => {
        const text = readmeOf(path.slice(0, depth + 1).join('/'));
        const below = path.slice(depth + 1);
        return (
          text !== undefined &&
          (below.length === 0 || below.some((_, end) => text.includes(`\`${below.slice(0, end + 1).join('/')}`)))
        );
      });
      assert.ok(said, `no README says what ${folder} is for`);
    }
    assert.ok(seen > 30, 'the walk found the folders');
  });

  test('a README opens with a title and what the folder is for', () => {
    for (const folder of ['.', ...foldersOf(['src', 'bench', 'test', 'proto'])]) {
      const text = readmeOf(folder);
      if (text !== undefined) assert.match(text, /^# .+\n\n[A-Z`][^\n]{30,}/, `${folder}/README.md`);
    }
  });

  test('the front page has at most 250 lines', () => {
    assert.ok(readmeOf('.')!.split('\n').length <= 251);
  });

  test('the benchmarks see what users see: public entries, and files of their own', () => {
    const faults = filesBelow('bench').flatMap((file) =>
      neighboursOf(file)
        .filter((target) => !target.startsWith('bench/'))
        .map((target) => `${file} imports ${target}`),
    );
    assert.deepEqual(faults, []);
  });

  test('every file of src and bench opens with a comment that says what it is for', () => {
    for (const file of [...sources, ...filesBelow('bench')]) {
      assert.match(readFileSync(join(root, file), 'utf8'), /^(#!.*\n)?\/[/*]/, file);
    }
  });

  const tracked = trackedFiles();
  const skip = tracked.length === 0 && 'git does not say which files belong to the project';
  test('the top level holds what the project is made of, and nothing else', { skip }, () => {
    const allowed =
      /^(\.ci|\.github|\.gitignore|CHANGELOG\.md|LICENSE|README\.md|bench|biome\.json|package(-lock)?\.json|proto|src|test|tsconfig\.json)$/;
    const names = new Set(tracked.map((file) => file.split('/')[0]!));
    assert.ok(names.has('src') && names.has('package.json'), 'the listing found the project');
    for (const name of names) assert.match(name, allowed);
  });
});
