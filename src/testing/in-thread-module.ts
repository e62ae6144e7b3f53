/** A subscriber module that runs on the calling thread, where a test can look at it, mock what it imports and debug it. */

import {
  type Bus,
  type BusConnection,
  connectBus,
  type Envelope,
  InvalidOptionError,
  runWithEmitter,
  type SubscriberContext,
  type SubscriberModule,
  type SubscriberObject,
  type SubscriberOfViews,
} from '../index.js';
import { hrefOf, readOptions } from '../option-check.js';
import { ShownEvents, ViewPool, ViewsOfBatch } from '../worker/dispatch/envelope-views.js';
import { loadSubscriber, subscriberOf } from '../worker/subscriber-module.js';

/** What a module is given in place of a thread. */
export interface InThreadOptions {
  /** `context.name`, and the name of the subscription; default `module`. */
  readonly name?: string;
  /** `context.data`: a structured clone, as a thread would get. */
  readonly data?: unknown;
}

/** The batch of a module with `views`. */
class OneEvent extends ShownEvents {
  readonly length = 1;
  constructor(readonly envelope: Envelope) {
    super();
  }
  show(): void {}
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
 * @throws {InvalidOptionError} `BUS_INVALID_OPTION`
 * @throws {ModuleLoadError} `BUS_MODULE_LOAD`
 * @throws {ModuleShapeError} `BUS_MODULE_SHAPE`
 * @throws whatever its `setup` throws
 */
export async function setUpInThread(
  bus: Bus,
  module: URL | SubscriberModule,
  options: InThreadOptions,
): Promise<InThreadModule> {
  const { name = 'module', data } = readOptions('options', options, ['name', 'data']);
  if (typeof name !== 'string' || name === '') throw new InvalidOptionError('name', name, 'a non-empty string');
  const href = hrefOf(module);
  const loaded =
    href === undefined ? subscriberOf('the module', module as SubscriberModule) : await loadSubscriber(href);
  const parts = loaded as SubscriberObject;
  const abort = new AbortController();
  let connection: BusConnection | undefined;
  const context: SubscriberContext = {
    name,
    data: structuredClone(data),
    signal: abort.signal,
    get bus() {
      connection ??= connectBus(bus.handle, { name });
      return connection;
    },
  };
  // What a thread of its own would emit to.
  const emitter = bus.emitter();
  const run = (act: () => unknown): unknown => runWithEmitter(emitter, act);
  try {
    await run(() => parts.setup?.(context));
  } catch (error) {
    abort.abort();
    await connection?.close();
    throw error;
  }
  const pool = new ViewPool();
  return {
    name,
    async handle(envelope) {
      await run(async () => {
        if (loaded.views !== true) {
          await (parts.handleBatch === undefined
            ? parts.handle!(envelope, context)
            : parts.handleBatch([envelope], context));
          return;
        }
        const views = new ViewsOfBatch(new OneEvent(envelope), pool);
        try {
          await (loaded as unknown as SubscriberOfViews).handleBatch(views, context);
        } finally {
          views.close();
        }
      });
    },
    async end() {
      abort.abort();
      try {
        await run(() => parts.teardown?.(context));
      } finally {
        await connection?.close();
      }
    },
  };
}
