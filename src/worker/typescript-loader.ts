/**
 * Modules in TypeScript where Node cannot read them: before 22.18. They are loaded with the package tsx, if the user has
 * installed it; a loader of the main thread is not there in this one.
 */
import { pathToFileURL } from 'node:url';

const TYPESCRIPT = /\.[cm]?tsx?$/;

/** What the entries of tsx that are used here export. */
interface TsxApi {
  register(): unknown;
}

/** Lets this thread load TypeScript, if `urls` need it and Node or tsx can. */
export async function loadTypeScript(urls: readonly string[]): Promise<void> {
  const url = urls.find(isTypeScript);
  if (url === undefined || stripsTypes()) return;
  const { createRequire } = process.getBuiltinModule('node:module');
  const require = createRequire(url);
  try {
    // Of the two builds beside each other, `require` is told of the one that does not find its own files.
    const esm = pathToFileURL(require.resolve('tsx/esm/api').replace(/\.cjs$/, '.mjs')).href;
    (require('tsx/cjs/api') as TsxApi).register();
    ((await import(esm)) as TsxApi).register();
  } catch {
    // Not installed: loading the module says what is missing.
  }
}

/** What to do about an error that is no more than Node's "Unknown file extension". */
export function withAdvice(url: string, error: unknown): unknown {
  if (!isTypeScript(url) || (error as NodeJS.ErrnoException | null)?.code !== 'ERR_UNKNOWN_FILE_EXTENSION')
    return error;
  const { message } = error as Error;
  const advice = 'name the compiled file, install tsx, or use Node 22.18 or later, which reads TypeScript';
  return new TypeError(`${message}; ${advice}`, { cause: error });
}

function isTypeScript(url: string): boolean {
  return url.startsWith('file:') && TYPESCRIPT.test(new URL(url).pathname);
}

function stripsTypes(): boolean {
  const { typescript } = process.features as { readonly typescript?: unknown };
  return typescript !== undefined && typescript !== false;
}
