/** Makes the page of `ringcast top --web`: its script in one file with the library that draws, and the files beside it. */
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeBrowserScript } from './chunks.js';

/** The library whose code and styles become part of the page. */
export const PAGE_PACKAGE = 'uplot';

/**
 * @param root of the package
 * @param out folder that gets the page
 */
export async function writePage(root: string, out: string): Promise<void> {
  const source = join(root, 'src/cli/web/page');
  const library = join(root, 'node_modules', PAGE_PACKAGE, 'dist');
  if (!existsSync(library)) throw new Error(`${PAGE_PACKAGE} is not installed: run npm install`);
  await writeBrowserScript(join(source, 'page.ts'), join(out, 'page.js'));
  for (const name of ['page.html', 'icon.svg']) copyFileSync(join(source, name), join(out, name));
  const styles = [join(library, 'uPlot.min.css'), join(source, 'page.css')];
  writeFileSync(join(out, 'page.css'), styles.map((file) => readFileSync(file, 'utf8')).join('\n'));
}
