/** The files of the page, which the build makes. */
import { readFileSync } from 'node:fs';
import { PACKAGE_ROOT } from '../../package-files.js';

/** By their name in the address. */
export type PageFiles = ReadonlyMap<string, { readonly type: string; readonly content: string }>;

const TYPES = {
  'page.html': 'text/html',
  'page.css': 'text/css',
  'page.js': 'text/javascript',
  'icon.svg': 'image/svg+xml',
} as const;

export function readPageFiles(): PageFiles {
  return new Map(
    Object.entries(TYPES).map(([name, type]) => {
      const content = readFileSync(new URL(`dist/lib/top-page/${name}`, PACKAGE_ROOT), 'utf8');
      return [name, { type, content }];
    }),
  );
}
