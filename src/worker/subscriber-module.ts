/** The subscriber module that a user writes: what it may export, and how it is loaded in its thread. */
import type { Envelope } from '../envelope/envelope.js';
import { ModuleLoadError, ModuleShapeError } from '../errors.js';
import { withPlace } from '../host/syntax-place.js';
import { isClass, makesGenerator } from '../option-check.js';
import { show } from '../shown.js';
import type { EnvelopeViews } from './dispatch/envelope-views.js';
import { requireTypeScript, withAdvice } from './typescript-loader.js';

/** What a module is given besides events, as its thread makes it. Users see `SubscriberContext` of `src/bus/connection/subscriber.ts`. */
export interface ModuleContext {
  readonly name: string;
  readonly data: unknown;
  readonly signal: AbortSignal;
  readonly bus: object;
}

/** A subscriber module as its thread calls it. */
export interface Subscriber<Context = ModuleContext> {
  setup?(context: Context): unknown;
  handle?(envelope: Envelope, context: Context): unknown;
  /** In place of `handle`: the events of one batch, in order, never empty. */
  handleBatch?(envelopes: readonly Envelope[] | EnvelopeViews, context: Context): unknown;
  /** Whether `handleBatch` gets views. */
  readonly views?: boolean;
  teardown?(context: Context): unknown;
}

type SubscriberParts = { readonly [Part in keyof Subscriber]?: unknown };

/**
 * Imports a subscriber module.
 *
 * @throws {ModuleLoadError} `BUS_MODULE_LOAD` when it does not load, or throws as its default export is looked at
 * @throws {ModuleShapeError} `BUS_MODULE_SHAPE` when its default export is neither a function nor an object with `handle`
 *   or `handleBatch`, or has a generator function there
 */
export async function loadSubscriber(url: string): Promise<Subscriber> {
  let exported: unknown;
  try {
    exported = defaultOf(await importModule(url));
  } catch (error) {
    throw new ModuleLoadError(url, await withPlace(url, withAdvice(url, error)));
  }
  return subscriberOf(url, exported);
}

/** Comments for bundlers: the module is one of run time, whatever they make of the code around this. */
async function importModule(url: string): Promise<{ readonly default?: unknown }> {
  try {
    return (await import(/* webpackIgnore: true */ /* @vite-ignore */ url)) as { readonly default?: unknown };
  } catch (error) {
    return requireTypeScript(url, error);
  }
}

/**
 * What a module exports as default. TypeScript and Babel compile that to `exports.default` of a CommonJS module, which
 * `import` takes for the default itself.
 */
function defaultOf({ default: exported }: { readonly default?: unknown }): unknown {
  const isCompiled =
    typeof exported === 'object' && exported !== null && (exported as { __esModule?: unknown }).__esModule === true;
  return isCompiled ? (exported as { default?: unknown }).default : exported;
}

/**
 * The parts of a subscriber.
 *
 * @param url what errors call the module
 * @throws {ModuleLoadError} `BUS_MODULE_LOAD` when `exported` throws as it is looked at
 * @throws {ModuleShapeError} `BUS_MODULE_SHAPE`
 */
export function subscriberOf(url: string, exported: unknown): Subscriber {
  let parts: SubscriberParts = {};
  try {
    // Looking at it may run what the user wrote.
    if (typeof exported === 'object' && exported !== null) parts = partsOf(exported);
  } catch (error) {
    throw new ModuleLoadError(url, error);
  }
  refuseUncallable(url, 'its default export', exported);
  if (typeof exported === 'function') return { handle: exported as NonNullable<Subscriber['handle']> };
  if (exported === undefined) {
    throw new ModuleShapeError(url, 'it has no default export; export default a function (envelope, context) => …');
  }
  if (exported === null || typeof exported !== 'object') {
    throw new ModuleShapeError(
      url,
      `its default export is ${exported === null ? 'null' : `a ${typeof exported}`}; export a function, or an object with one of handle and handleBatch`,
    );
  }
  const { views, ...functions } = parts;
  if (views !== undefined && typeof views !== 'boolean') {
    throw new ModuleShapeError(url, `views of its default export must be true or false, and is ${show(views)}`);
  }
  for (const [name, part] of Object.entries(functions)) {
    if (part !== undefined && typeof part !== 'function') {
      throw new ModuleShapeError(url, `${name} of its default export must be a function, and is ${show(part)}`);
    }
    refuseUncallable(url, `${name} of its default export`, part);
  }
  if ((parts.handle === undefined) === (parts.handleBatch === undefined)) {
    const found = parts.handle === undefined ? 'neither' : 'both';
    throw new ModuleShapeError(url, `its default export must have one of handle and handleBatch, and has ${found}`);
  }
  if (views === true && parts.handle !== undefined) {
    throw new ModuleShapeError(url, 'its default export has views and handle; views need handleBatch');
  }
  return exported as Subscriber;
}

function refuseUncallable(url: string, what: string, exported: unknown): void {
  if (isClass(exported))
    throw new ModuleShapeError(url, `${what} is a class, which nobody makes an instance of; export one`);
  if (!makesGenerator(exported)) return;
  const reason = `${what} is a generator function, which nobody runs; write a function or an async function, without '*'`;
  throw new ModuleShapeError(url, reason);
}

function partsOf(exported: object): SubscriberParts {
  const { setup, handle, handleBatch, views, teardown } = exported as SubscriberParts;
  return { setup, handle, handleBatch, views, teardown };
}
