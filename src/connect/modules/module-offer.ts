/** What a connected thread subscribes a module with, as it crosses to the owner, which starts the module's thread. */
import { InvalidOptionError } from '../../errors.js';
import { workerThreads } from '../../host/worker-threads.js';
import { handOver } from '../../subscribe/handed-over.js';
import type { CheckedModuleOptions, ModuleOptions } from '../../subscribe/subscribe-options.js';

/**
 * A copy that crosses, made now: later changes of what `options` are made of do not show.
 *
 * @throws {InvalidOptionError} `BUS_INVALID_OPTION` for what cannot cross
 */
export function crossingOptions(options: CheckedModuleOptions): ModuleOptions {
  const { delivery, from, exceptOrigins, loop, restart, hangTimeoutMs, thread } = options;
  const { resourceLimits, env, argv, execArgv, stdout, stderr } = thread;
  checkCrosses(thread);
  const crossing: { readonly [Option in keyof ModuleOptions]: ModuleOptions[Option] | undefined } = {
    ...{ delivery, from, exceptOrigins, loop, restart, hangTimeoutMs, resourceLimits, argv, execArgv, stdout, stderr },
    data: handOver(options.data, []).data,
    // As of the thread that subscribes, as on the bus.
    env: env ?? { ...process.env },
  };
  return Object.fromEntries(Object.entries(crossing).filter(([, value]) => value !== undefined));
}

function checkCrosses({ env, transferList = [] }: CheckedModuleOptions['thread']): void {
  const omitted = (why: string): string => `omitted on a connection: ${why}`;
  if (transferList.length > 0) {
    throw new InvalidOptionError('transferList', transferList, omitted('the thread that owns the bus gets a clone'));
  }
  if (env === workerThreads().SHARE_ENV) {
    throw new InvalidOptionError('env', env, omitted("the module's thread is started by another one than this"));
  }
}
