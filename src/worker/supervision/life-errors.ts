/** What is told of a life that ended otherwise than it was told to. */
import {
  CannotBlockError,
  ModuleLoadError,
  ModuleShapeError,
  TypesModuleError,
  WorkerExitedError,
} from '../../errors.js';
import { showThrown } from '../../shown.js';
import { type Attachment, type CrossedError, type RefusedStep, uncrossError } from '../worker-protocol.js';
import type { ThreadExit } from './worker-host.js';

/** What all lives of a thread have in common. */
export type SupervisedModule = Omit<Attachment, 'port' | 'life' | 'filter' | 'signals'>;

/** The thread exited by itself. */
export function exitError(name: string, { exitCode, error: cause }: ThreadExit): Error {
  if (cause === undefined) return new WorkerExitedError(name, `exit code ${exitCode}`);
  return new WorkerExitedError(name, showThrown(cause), { cause });
}

/** Why the thread could not make use of the module, in the words of this side. */
export function refusal({ name, moduleUrl }: SupervisedModule, step: RefusedStep, crossed: CrossedError): Error {
  const cause = uncrossError(crossed);
  const { code, reason, url } = crossed.fields;
  const text = reason ?? showThrown(cause);
  if (code === 'BUS_CANNOT_BLOCK') return new CannotBlockError((cause as Error).cause);
  if (step === 'types') return new TypesModuleError(url ?? '', text, { cause });
  if (step === 'setup') return new WorkerExitedError(name, `its setup failed: ${text}`, { cause });
  if (code === 'BUS_MODULE_SHAPE') return new ModuleShapeError(moduleUrl, text);
  return new ModuleLoadError(moduleUrl, code === 'BUS_MODULE_LOAD' ? (cause as Error).cause : cause);
}

/** The thread is not started again, because it was too often. */
export function givenUp({ name }: SupervisedModule, error: Error, maxRestarts: number): Error {
  if (maxRestarts === 0) return error;
  const why = error instanceof WorkerExitedError ? error.reason : error.message;
  const reason = `${why}; it was restarted ${maxRestarts} times within a minute and is not again`;
  return new WorkerExitedError(name, reason, { cause: error.cause ?? error });
}
