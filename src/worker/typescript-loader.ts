/**
 * Modules in TypeScript where Node cannot read them: before 22.18. They are loaded with the package tsx, if the user has
 * installed it; a loader of the main thread is not there in this one.
 */
import { extname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isOfLoader } from '../host/syntax-place.js';
import { attempted } from '../option-check.js';
import { showThrown } from '../shown.js';

const TYPESCRIPT = /\.[cm]?tsx?$/;

/** What the entries of tsx that are used here export. */
interface TsxApi {
  register(): unknown;
}

/** Why the tsx that is installed cannot be used. */
let tsxFailure: unknown;

/** Lets this thread load TypeScript, if `urls` need it and Node or tsx can. */
export async function loadTypeScript(urls: readonly string[]): Promise<void> {
  const url = urls.find(isTypeScript);
  if (url === undefined || stripsTypes()) return;
  const require = requireFrom(url);
  try {
    // Of the two builds beside each other, `require` is told of the one that does not find its own files.
    const esm = pathToFileURL(require.resolve('tsx/esm/api').replace(/\.cjs$/, '.mjs')).href;
    (require('tsx/cjs/api') as TsxApi).register();
    ((await import(/* webpackIgnore: true */ /* @vite-ignore */ esm)) as TsxApi).register();
  } catch (error) {
    // Where it is not installed, loading the module says what is missing.
    if (!showThrown(error).startsWith("Cannot find module 'tsx/esm/api'")) tsxFailure = error;
  }
}

/**
 * Loads a module with `require`, after `import` has failed: preloads such as `ts-node/register` teach TypeScript to `require` alone.
 *
 * @param error what `import` threw
 * @throws what the module throws, or what `require` finds wrong with it; `error`, when `require` cannot read the module either
 */
export function requireTypeScript(url: string, error: unknown): { readonly default?: unknown } {
  if (!isUnread(error) || !isTypeScript(url)) throw error;
  const file = fileURLToPath(url);
  const require = requireFrom(url);
  if (require.extensions[extname(file) as '.js'] === undefined) throw error;
  try {
    return { default: require(file) as unknown };
  } catch (other) {
    throw isNothingNew(other, error) ? error : other;
  }
}

/** What to do about an error that is no more than Node's "Unknown file extension". */
export function withAdvice(url: string, error: unknown): unknown {
  if (!isTypeScript(url) || codeOf(error) !== 'ERR_UNKNOWN_FILE_EXTENSION') return error;
  const { message } = error as Error;
  if (tsxFailure !== undefined) {
    const reason = `${message}; tsx, which reads it, cannot be used: ${showThrown(tsxFailure)}`;
    return new TypeError(reason, { cause: tsxFailure });
  }
  const advice = 'name the compiled file, install tsx, or use Node 22.18 or later, which reads TypeScript';
  return new TypeError(`${message}; ${advice}`, { cause: error });
}

/** Whether `import` could not read a module, or one that it imports. */
function isUnread(error: unknown): boolean {
  return codeOf(error) === 'ERR_UNKNOWN_FILE_EXTENSION' || isOfLoader(error) || isUnresolved(error);
}

/** Whether what it imports is named without its extension, or by its folder, which `require` alone finds. */
function isUnresolved(error: unknown): boolean {
  const code = codeOf(error);
  if (code === 'ERR_UNSUPPORTED_DIR_IMPORT') return true;
  const url = attempted(() => (error as { readonly url?: unknown }).url).value;
  return code === 'ERR_MODULE_NOT_FOUND' && typeof url === 'string' && extname(url) === '';
}

/** Whether `require` failed as `import` had, or because only `import` loads such a module. */
function isNothingNew(other: unknown, error: unknown): boolean {
  if (/^ERR_REQUIRE_/.test(`${codeOf(other)}`)) return true;
  return attempted(() => (other as Error).message === (error as Error).message).value === true;
}

function codeOf(error: unknown): unknown {
  return attempted(() => (error as NodeJS.ErrnoException | null)?.code).value;
}

function requireFrom(url: string): NodeJS.Require {
  return process.getBuiltinModule('node:module').createRequire(url);
}

function isTypeScript(url: string): boolean {
  return url.startsWith('file:') && TYPESCRIPT.test(new URL(url).pathname);
}

function stripsTypes(): boolean {
  const { typescript } = process.features as { readonly typescript?: unknown };
  return typescript !== undefined && typescript !== false;
}
