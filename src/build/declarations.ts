/**
 * Copies the type declarations that a user of the package can reach, and no others: for `import`, and again for `require`,
 * whose declarations have to say that they are of CommonJS.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/**
 * Compilers load no types of Node's by themselves, and for a target of ES2020 none of what the declarations and generated
 * classes name: `ErrorOptions`, `Object.hasOwn`. Each supported Node has it.
 */
const PLATFORM = '/// <reference types="node" />\n/// <reference lib="es2022" />';

/** An import of a neighbour, as the compiler writes it into declarations. */
const NEIGHBOUR = /((?:from|import)\s*\(?\s*['"])(\.[^'"]+)\.js(['"])/g;

/** What compilers before TypeScript 5.7 refuse: typed arrays had no type parameter. `Buffer<ArrayBuffer>` → `Buffer` */
const MEMORY_OF_ARRAY = /(?<=\b(?:Buffer|\w+Array))<(?:Shared)?ArrayBuffer(?:Like)?>/g;

/**
 * @param compiled folder of the compiled modules with their declarations
 * @param entries modules below it that are published
 * @param out folder that gets the same tree, as deep below the root as `compiled`: declaration maps stay true
 */
export function copyDeclarations(compiled: string, entries: readonly string[], out: string): void {
  const seen = new Set<string>();
  const isEntry = (module: string): boolean => entries.some((entry) => join(compiled, entry) === `${module}.js`);
  const copy = (module: string): void => {
    if (seen.has(module)) return;
    seen.add(module);
    const to = join(out, relative(compiled, module));
    mkdirSync(dirname(to), { recursive: true });
    let text = readFileSync(`${module}.d.ts`, 'utf8').replace(MEMORY_OF_ARRAY, '');
    let map = readFileSync(`${module}.d.ts.map`, 'utf8');
    if (isEntry(module)) {
      text = `${PLATFORM}\n${text}`;
      // Two lines further down.
      map = map.replace('"mappings":"', '"mappings":";;');
    }
    writeFileSync(`${to}.d.ts`, text);
    writeFileSync(`${to}.d.ts.map`, map);
    const commonJs = text.replace(NEIGHBOUR, '$1$2.cjs$3').replace(/\n\/\/# sourceMappingURL=.*/, '');
    writeFileSync(`${to}.d.cts`, commonJs);
    for (const [, , neighbour] of text.matchAll(NEIGHBOUR)) copy(join(dirname(module), neighbour!));
  };
  for (const entry of entries) copy(join(compiled, entry.replace(/\.js$/, '')));
}
