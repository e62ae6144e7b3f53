/** Options of a module's thread that are those of `new Worker`: read once, and checked. */
import type { ResourceLimits, SHARE_ENV, Transferable, WorkerOptions } from 'node:worker_threads';
import { InvalidOptionError } from '../errors.js';
import { workerThreads } from '../host/worker-threads.js';
import { flagOption, readable, readOptions } from '../option-check.js';
import type { RestartOptions } from '../worker/supervision/restart-policy.js';
import type { ThreadOptions } from '../worker/supervision/thread-options.js';

/**
 * Of the thread of a module: as for `new Worker`, and the same for each thread that it is started again in.
 *
 * On a connection the thread is started by the one that owns the bus: `transferList` and `SHARE_ENV` are refused there with
 * `BUS_INVALID_OPTION`.
 */
export interface ModuleThreadOptions {
  /** Heap and stack of the thread, in MB. Default: Node's. */
  readonly resourceLimits?: ResourceLimits;
  /** The thread's `process.env`: strings, or `SHARE_ENV` for the very one of this thread. Default: a copy of it. */
  readonly env?: WorkerOptions['env'];
  /** Appended to the thread's `process.argv`. */
  readonly argv?: readonly string[];
  /** Options of Node for the thread, such as `['--import', './loader.js']`. Default: those of the thread of the bus. */
  readonly execArgv?: readonly string[];
  /** Hands what the thread prints to `subscription.stdout`, instead of printing it. Default false. */
  readonly stdout?: boolean;
  /** The same for what it prints as errors, in `subscription.stderr`. */
  readonly stderr?: boolean;
  /**
   * What is moved to the thread instead of being cloned: buffers and ports in `data`. They can be moved once, so only with
   * `restart: 'never'`; no longer usable on this thread afterwards.
   */
  readonly transferList?: readonly Transferable[];
}

export const THREAD_OPTIONS = [
  'resourceLimits',
  'env',
  'argv',
  'execArgv',
  'stdout',
  'stderr',
  'transferList',
] as const satisfies readonly (keyof ModuleThreadOptions)[];

const LIMITS: readonly (keyof ResourceLimits)[] = [
  'maxOldGenerationSizeMb',
  'maxYoungGenerationSizeMb',
  'codeRangeSizeMb',
  'stackSizeMb',
];
const MAX_LIMIT_MB = 2 ** 30;

/** What {@link readThreadOptions} has checked. */
export interface CheckedThreadOptions extends Omit<ThreadOptions, 'name'> {
  readonly transferList: readonly Transferable[] | undefined;
}

export function readThreadOptions(
  options: ModuleThreadOptions & { readonly restart?: RestartOptions | 'never' },
): CheckedThreadOptions {
  const transferList = listOption('transferList', options.transferList, isObject, 'buffers and ports');
  if (transferList !== undefined && options.restart !== 'never') {
    throw new InvalidOptionError(
      'transferList',
      options.transferList,
      "together with restart: 'never', as another thread could not get what the first one was given",
    );
  }
  return {
    resourceLimits: readLimits(options.resourceLimits),
    env: readEnv(options.env),
    argv: listOption('argv', options.argv, isString, 'strings'),
    execArgv: listOption('execArgv', options.execArgv, isString, 'strings'),
    stdout: flagOption('stdout', options.stdout),
    stderr: flagOption('stderr', options.stderr),
    transferList,
  };
}

function readLimits(given: ResourceLimits | undefined): ResourceLimits | undefined {
  if (given === undefined) return undefined;
  const limits = readOptions('resourceLimits', given, LIMITS);
  for (const [name, value] of Object.entries(limits)) {
    // Beyond what any machine has: numbers that Node cannot count in bytes end the whole process.
    if (!(typeof value === 'number' && value > 0 && value <= MAX_LIMIT_MB)) {
      throw new InvalidOptionError(`resourceLimits.${name}`, value, `a number above 0, up to ${MAX_LIMIT_MB}, in MB`);
    }
  }
  return limits;
}

function readEnv(env: WorkerOptions['env']): ThreadOptions['env'] {
  if (env === undefined || env === workerThreads().SHARE_ENV) return env as typeof SHARE_ENV | undefined;
  if (!isObject(env) || Array.isArray(env)) throw new InvalidOptionError('env', env, 'an object, or SHARE_ENV');
  const copy: Record<string, string> = {};
  for (const [name, value] of readable('env', () => Object.entries(env as object))) {
    if (value === undefined) continue;
    if (!isString(value)) throw new InvalidOptionError(`env.${name}`, value, 'a string');
    copy[name] = value;
  }
  return copy;
}

/** A copy of an array whose items are all `fit`, or undefined. */
function listOption<T>(
  name: string,
  given: readonly T[] | undefined,
  fit: (item: unknown) => boolean,
  items: string,
): readonly T[] | undefined {
  if (given === undefined) return undefined;
  const list = readable(name, () => (Array.isArray(given) ? Array.from(given as readonly T[]) : undefined));
  const odd = list?.findIndex((item) => !fit(item)) ?? -1;
  if (list === undefined) throw new InvalidOptionError(name, given, `an array of ${items}`);
  if (odd >= 0) throw new InvalidOptionError(`${name}[${odd}]`, list[odd], `one of ${items}`);
  return list;
}

function isString(value: unknown): boolean {
  return typeof value === 'string';
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
