/**
 * Copies the type declarations that a user of the package can reach, and no others: for `import`, and again for `require`,
 * whose declarations have to say that they are of CommonJS.
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** An import of a neighbour, as the compiler writes it into declarations. */
const NEIGHBOUR = /((?:from|import)\s*\(?\s*['"])(\.[^'"]+)\.js(['"])/g;

/**
 * @param compiled folder of the compiled modules with their declarations
 * @param entries modules below it that are published
 * @param out folder that gets the same tree, as deep below the root as `compiled`: declaration maps stay true
 */
export function copyDeclarations(compiled: string, entries: readonly string[], out: string): void {
  const seen = new Set<string>();
  const copy = (module: string): void => {
    if (seen.has(module)) return;
    seen.add(module);
    const to = join(out, relative(compiled, module));
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(`${module}.d.ts`, `${to}.d.ts`);
    copyFileSync(`${module}.d.ts.map`, `${to}.d.ts.map`);
    const text = readFileSync(`${module}.d.ts`, 'utf8');
    const commonJs = text.replace(NEIGHBOUR, '$1$2.cjs$3').replace(/\n\/\/# sourceMappingURL=.*/, '');
    writeFileSync(`${to}.d.cts`, commonJs);
    for (const [, , neighbour] of text.matchAll(NEIGHBOUR)) copy(join(dirname(module), neighbour!));
  };
  for (const entry of entries) copy(join(compiled, entry.replace(/\.js$/, '')));
}
