/** What is told of a life that ended otherwise than it was told to. */
import {
  CannotBlockError,
  CannotStartThreadError,
  DependencyNotFoundError,
  InvalidOptionError,
  ModuleLoadError,
  ModuleShapeError,
  TypesModuleError,
  WorkerExitedError,
} from '../../errors.js';
import { whyForbidden } from '../../host/thread-start.js';
import { showThrown } from '../../shown.js';
import type { SequenceRange } from '../dispatch/lag.js';
import { type Attachment, type CrossedError, type RefusedStep, uncrossError } from '../worker-protocol.js';
import type { ThreadOptions } from './thread-options.js';
import type { ThreadExit } from './worker-host.js';

/** What a system says that is short of files, threads or memory: it may have some another time. */
const SHORTAGES: readonly unknown[] = ['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM', 'ERR_WORKER_INIT_FAILED'];
/** An error of ours, what Node or the module said, and what that is about. */
const MAX_CAUSES = 3;

/** What all lives of a thread have in common. */
export interface SupervisedModule extends Omit<Attachment, 'port' | 'life' | 'filter' | 'signals'> {
  readonly earlier: SequenceRange[];
}

/** The thread ended because something of it failed. */
export function failureOf(name: string, what: string, cause: unknown): WorkerExitedError {
  return new WorkerExitedError(name, `${what}: ${showThrown(cause)}`, { cause });
}

/** The thread exited by itself. */
export function exitError(name: string, { exitCode, error: cause }: ThreadExit): Error {
  if (cause === undefined) return new WorkerExitedError(name, `exit code ${exitCode}`);
  return new WorkerExitedError(name, showThrown(cause), { cause });
}

/** The thread ended before it ran any code of ours, as every other would: a preload throws, or its memory is too small. */
export function neverLoaded(name: string, error: Error): Error {
  const reason = `it ended before it had loaded: ${reasonOf(error)}; look at its preloads (--import, --require) and resourceLimits`;
  return new CannotStartThreadError(name, reason, { cause: error.cause });
}

/**
 * Why no thread can be made, now or later.
 *
 * @param cause what making it threw
 * @returns undefined when the system may have one to give another time
 */
export function startRefusal({ name, env, execArgv }: ThreadOptions, cause: unknown): Error | undefined {
  if (cause instanceof DependencyNotFoundError) return cause;
  const { code, errno } = cause as NodeJS.ErrnoException;
  if (code === 'ERR_WORKER_INIT_FAILED' || code === 'ERR_WORKER_OUT_OF_MEMORY' || errno !== undefined) return undefined;
  const text = showThrown(cause);
  if (code === 'ERR_WORKER_INVALID_EXEC_ARGV') {
    return text.includes('NODE_OPTIONS')
      ? new InvalidOptionError('env', env, `an environment for a thread (${text})`, { cause })
      : new InvalidOptionError('execArgv', execArgv, `options of Node for a thread (${text})`, { cause });
  }
  return new CannotStartThreadError(name, whyForbidden(cause) ?? text, { cause });
}

/** Whether a life ended because the system was short of something, so that another one may fare better. */
export function isOfShortage(error: Error | undefined): boolean {
  let cause: unknown = error;
  for (let depth = 0; depth < MAX_CAUSES && cause instanceof Error; depth++, cause = cause.cause) {
    if (SHORTAGES.includes((cause as NodeJS.ErrnoException).code)) return true;
  }
  return false;
}

/** Why the thread could not make use of the module, in the words of this side. */
export function refusal({ name, moduleUrl }: SupervisedModule, step: RefusedStep, crossed: CrossedError): Error {
  const cause = uncrossError(crossed);
  const { code, reason, url } = crossed.fields;
  const text = reason ?? showThrown(cause);
  if (code === 'BUS_CANNOT_BLOCK') return new CannotBlockError((cause as Error).cause);
  if (step === 'types') return new TypesModuleError(url ?? '', text, { cause });
  if (step === 'setup') return new WorkerExitedError(name, `its setup failed: ${text}`, { cause });
  if (code === 'BUS_MODULE_SHAPE') return new ModuleShapeError(moduleUrl, text, name);
  return new ModuleLoadError(moduleUrl, code === 'BUS_MODULE_LOAD' ? (cause as Error).cause : cause, name);
}

/** The thread is not started again, because it was too often. */
export function givenUp({ name }: SupervisedModule, error: Error, maxRestarts: number): Error {
  const reason =
    maxRestarts === 0
      ? `${reasonOf(error)}; with restart: 'never' it is not started again`
      : `${reasonOf(error)}; it was restarted ${maxRestarts} times within a minute, and is not started again. ` +
        `Mend what ends it, or raise restart.maxRestarts`;
  return new WorkerExitedError(name, reason, { cause: error.cause ?? error });
}

function reasonOf(error: Error): string {
  return error instanceof WorkerExitedError ? error.reason : error.message;
}
