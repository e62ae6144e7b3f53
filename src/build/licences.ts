/** Writes the licences of the packages whose code is part of the bundle. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** @throws {Error} when a package has no licence file: then it must not be bundled */
export function writeLicences(root: string, packages: readonly string[], file: string): void {
  const licences = packages.map((name) => {
    const folder = join(root, 'node_modules', name);
    const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      version: string;
      license: string;
    };
    const licence = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    if (licence === undefined) throw new Error(`${name} has no licence file`);
    return `${name} ${version} (${license})\n\n${readFileSync(join(folder, licence), 'utf8').trim()}\n`;
  });
  const head = `This package contains code of the packages below, under their own licences.\n`;
  writeFileSync(file, [head, ...licences].join(`\n${'-'.repeat(80)}\n\n`));
}
