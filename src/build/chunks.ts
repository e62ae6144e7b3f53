/**
 * Puts the compiled modules of this package together into few files, which is what is published.
 *
 * *Why.* A process that imports 160 files spends most of the import on finding, reading and linking them.
 *
 * *Chunks.* `core` and those of {@link THREAD_CHUNKS} hold what a subscriber thread needs, so that a thread reads them and
 * nothing else; each other entry holds the rest of what it needs itself. Imports between chunks go one way.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type InputOptions, type Plugin, type RolldownOutput, rolldown } from 'rolldown';
import { inAscii } from './ascii.js';
import { withLocalCopies } from './local-imports.js';

/** The entries of the package, by the name of their file in the bundle, and the compiled module of each. */
export const ENTRIES = {
  index: 'index.js',
  'worker-entry': 'worker-entry.js',
  'stats-thread': 'stats-thread.js',
  'module-bus': 'module-bus.js',
  'host-thread': 'host-thread.js',
  'unpack-thread': 'services/rootfs/unpack-thread.js',
  events: 'events.js',
  codec: 'envelope/codec-runtime.js',
  services: 'services/index.js',
  testing: 'testing/index.js',
  ttrpc: 'bridges/ttrpc/index.js',
  containerd: 'bridges/containerd/index.js',
  nats: 'bridges/nats/index.js',
  opentelemetry: 'opentelemetry/index.js',
  cli: 'cli/main.js',
  // Subscriber modules of the command.
  'event-printer': 'cli/event-printer.js',
  'container-lives': 'cli/replay/container-lives.js',
  'event-counts': 'cli/replay/event-counts.js',
  'audit-log': 'cli/replay/audit-log.js',
} as const;

/** Packages whose code becomes part of the bundle: their licences are published with it. */
export const BUNDLED_PACKAGES = ['msgpackr'] as const;

/**
 * What threads need, in several chunks of about the same size, each with what it needs itself and no chunk before it has: a
 * thread keeps the memory that the largest of them took to parse, five bytes a character. Not in more than these: each costs
 * objects, and with one more collection of garbage before the first event Node 24 doubles a thread's young generation. The
 * source of a chunk of more than 128 KiB is no part of that generation: nothing copies it, and it leaves room for objects.
 */
const THREAD_CHUNKS: readonly (readonly [name: string, files: RegExp])[] = [
  ['wire', /\/envelope\/(?:wire\/|codec-runtime)|\/msgpackr\/|\/topic\//],
  ['types', /\/envelope\/generated\//],
];

const THREAD_ENTRIES = ['worker-entry', 'events', 'codec'] as const;

/**
 * @param compiled folder of the compiled modules
 * @param out folder that gets the bundle
 */
export async function writeChunks(compiled: string, out: string): Promise<void> {
  const input = Object.fromEntries(Object.entries(ENTRIES).map(([name, file]) => [name, join(compiled, file)]));
  const bundle = await rolldown({
    input,
    platform: 'node',
    external: (id) => isPackage(id) && !BUNDLED_PACKAGES.some((name) => id === name || id.startsWith(`${name}/`)),
    resolve: {
      // The reader alone: the package's own entry brings its writer, which is not used.
      alias: { 'msgpackr/unpack': fileURLToPath(import.meta.resolve('msgpackr')).replace(/[^/\\]*$/, 'unpack.js') },
    },
    plugins: [originalSources(compiled)],
    treeshake: { moduleSideEffects: false },
    onLog: failOnWarning,
  });
  const inThreads = new Set<string>();
  const inBus = new Set<string>();
  const written = await bundle.write({
    dir: out,
    format: 'es',
    sourcemap: true,
    // The sources are published beside the bundle.
    sourcemapExcludeSources: true,
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    comments: { legal: true, annotation: true, jsdoc: false },
    codeSplitting: {
      groups: [
        ...THREAD_CHUNKS.map(([name, files]) => ({ name, test: (id: string) => inThreads.has(id) && files.test(id) })),
        { name: 'core', test: (id) => inThreads.has(id) },
        { name: 'bus', test: (id) => inBus.has(id) },
      ],
    },
    plugins: [
      {
        name: 'who-needs-what',
        renderStart() {
          const reach = (id: string, found: Set<string>): void => {
            if (found.has(id)) return;
            found.add(id);
            for (const next of this.getModuleInfo(id)?.importedIds ?? []) reach(next, found);
          };
          for (const name of THREAD_ENTRIES) reach(input[name]!, inThreads);
          // Groups are asked in turn, so what threads need is in the core already.
          reach(input.index!, inBus);
        },
      },
      { name: 'local-imports', renderChunk: (code) => ({ code: withLocalCopies(code), map: null }) },
      { name: 'own-exports', renderChunk: (code) => ({ code: withOwnExports(code), map: null }) },
    ],
  });
  checkOneWay(written);
  // Last of all: the bundler prints what its plugins return once more, in its own way.
  for (const file of written.output) {
    if (file.type === 'chunk') writeFileSync(join(out, file.fileName), inAscii(file.code));
  }
}

/** The bundler's code for `import * as` goes through what objects inherit as well: the import fails where a user has put something there. */
function withOwnExports(code: string): string {
  return code.replace('for (var name in all) ', 'for (var name of Object.keys(all)) ');
}

/**
 * Puts a script for browsers into one file.
 *
 * @param input its TypeScript source
 */
export async function writeBrowserScript(input: string, file: string): Promise<void> {
  const bundle = await rolldown({
    input,
    platform: 'browser',
    resolve: { extensionAlias: { '.js': ['.ts', '.js'] } },
    onLog: failOnWarning,
  });
  await bundle.write({ file, format: 'es', minify: true });
}

/** @throws {Error} when chunks import each other in a circle: then a copy of an import may be made too early */
function checkOneWay({ output }: RolldownOutput): void {
  const imports = new Map(output.map((file) => [file.fileName, file.type === 'chunk' ? file.imports : []]));
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) throw new Error([...path, file].join(' imports '));
    if (done.has(file)) return;
    for (const next of imports.get(file) ?? []) walk(next, [...path, file]);
    done.add(file);
  };
  for (const file of imports.keys()) walk(file, []);
}

/** What a bundler complains of may well be an error of the published package: none is overlooked. */
const failOnWarning: NonNullable<InputOptions['onLog']> = (level, log, handler) => {
  if (level === 'warn') throw new Error(log.message);
  handler(level, log);
};

function isPackage(id: string): boolean {
  return !id.startsWith('.') && !id.startsWith('/') && !/^[A-Z]:/i.test(id);
}

/**
 * Hands the compiler's source maps on, so that those of the bundle lead to the TypeScript sources. What is bundled of a
 * package has no source that is published, so no map either.
 */
function originalSources(compiled: string): Plugin {
  return {
    name: 'original-sources',
    load(id) {
      const code = readFileSync(id, 'utf8').replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n');
      return { code, map: id.startsWith(compiled) ? readFileSync(`${id}.map`, 'utf8') : { mappings: '' } };
    },
  };
}
