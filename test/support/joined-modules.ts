/**
 * Puts the compiled modules that the bus needs into one file, in their own folder: each becomes a file that exports from there
 * what it exported. They are the same modules, each once, in every test: but a process finds, reads and links one file
 * instead of 200, which takes a third of a second.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { rolldown } from 'rolldown';

const JOINED = 'joined-modules';
const STATIC_IMPORT = /^(?:import|export)\s[^'"=();]*['"](\.\.?\/[^'"]+\.js)['"];$/gm;

/** @param compiled folder of the compiled modules of `src` */
export async function joinModules(compiled: string): Promise<void> {
  // Once after a build.
  if (existsSync(join(compiled, `${JOINED}.js`))) return;
  const modules = new Map<string, string>();
  const reach = (file: string): void => {
    if (modules.has(file)) return;
    const code = readFileSync(file, 'utf8');
    modules.set(file, code);
    for (const [, specifier] of code.matchAll(STATIC_IMPORT)) reach(resolve(file, '..', specifier!));
  };
  reach(join(compiled, 'index.js'));
  const bundle = await rolldown({
    input: Object.fromEntries(Array.from(modules.keys(), (file) => [file.slice(compiled.length + 1, -3), file])),
    platform: 'node',
    external: (id, importer) => importer !== undefined && !modules.has(resolve(importer, '..', id)) && !modules.has(id),
    treeshake: false,
    preserveEntrySignatures: 'strict',
    plugins: [
      {
        name: 'as-compiled',
        load: (id) => ({
          code: modules.get(id)!.replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n'),
          map: readFileSync(`${id}.map`, 'utf8'),
        }),
      },
    ],
  });
  await bundle.write({
    dir: compiled,
    format: 'es',
    sourcemap: true,
    entryFileNames: '[name].js',
    codeSplitting: { groups: [{ name: JOINED, test: (id) => modules.has(id) }] },
    chunkFileNames: '[name].js',
  });
}
