/** A subscriber module that runs on the calling thread, where a test can look at it, mock what it imports and debug it. */
import type { Envelope, SubscriberContext, SubscriberModule, SubscriberObject } from '../index.js';
import { isUrl } from '../option-check.js';
import { loadSubscriber, subscriberOf } from '../worker/subscriber-module.js';

/** What a module is given in place of a thread. */
export interface InThreadOptions {
  /** `context.name`, and the name of the subscription; default `module`. */
  readonly name?: string;
  /** `context.data`: a structured clone, as a thread would get. */
  readonly data?: unknown;
}

/** A module that has been set up. */
export interface InThreadModule {
  readonly name: string;
  handle(envelope: Envelope): Promise<void>;
  /** Aborts `context.signal`, and runs the module's teardown. */
  end(): Promise<void>;
}

/**
 * Loads a module, or takes what one exports, and sets it up.
 *
 * @throws {ModuleLoadError} `BUS_MODULE_LOAD`
 * @throws {ModuleShapeError} `BUS_MODULE_SHAPE`
 * @throws whatever its `setup` throws
 */
export async function setUpInThread(module: URL | SubscriberModule, options: InThreadOptions): Promise<InThreadModule> {
  const { name = 'module', data } = options;
  const parts: SubscriberObject = isUrl(module)
    ? await loadSubscriber(module.href)
    : subscriberOf('the module', module);
  const abort = new AbortController();
  const context: SubscriberContext = { name, data: structuredClone(data), signal: abort.signal };
  await parts.setup?.(context);
  return {
    name,
    async handle(envelope) {
      if (parts.handleBatch === undefined) await parts.handle!(envelope, context);
      else await parts.handleBatch([envelope], context);
    },
    async end() {
      abort.abort();
      await parts.teardown?.(context);
    },
  };
}
