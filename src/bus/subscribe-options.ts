/** What a subscription can be made with. */
import type { ResourceLimits } from 'node:worker_threads';
import { InvalidOptionError } from '../errors.js';
import type { Loop } from '../worker/worker-protocol.js';
import { checkKeys, choiceOption, flagOption } from './option-check.js';
import { signalOption } from './subscription.js';

/** Of every subscription. All optional, read once. */
export interface SubscribeOptions {
  /** In errors, warnings and `stats()`; default: made up. */
  readonly name?: string;
  /** Stops the subscription when aborted. */
  readonly signal?: AbortSignal;
}

/** Of a handler on the thread of the bus. */
export interface HandlerOptions extends SubscribeOptions {
  /** Stop before the first event is handled. */
  readonly once?: boolean;
  /**
   * A reader of its own: siblings never wait for this handler, nor it for them. Default false: handlers of one thread share
   * one. A bus has 64 readers.
   */
  readonly isolate?: boolean;
}

/** Of a module in a thread of its own. */
export interface ModuleOptions extends SubscribeOptions {
  /** Given to the module as `context.data`: a structured clone, in which shared buffers stay shared. */
  readonly data?: unknown;
  /**
   * How the thread waits: `cooperative` (default) in its event loop, which stays alive, or `dedicated`, blocked, with the
   * lowest latency; timers and I/O of a dedicated thread run only while a handler's promise is pending.
   */
  readonly loop?: Loop;
  /** As for `new Worker`: heap and stack of the thread. Default: Node's. */
  readonly resourceLimits?: ResourceLimits;
}

const LIMITS: readonly (keyof ResourceLimits)[] = [
  'maxOldGenerationSizeMb',
  'maxYoungGenerationSizeMb',
  'codeRangeSizeMb',
  'stackSizeMb',
];
const COMMON = ['name', 'signal'] as const;

export function checkHandlerOptions(options: HandlerOptions): void {
  checkKeys('options', options, [...COMMON, 'once', 'isolate'] satisfies (keyof HandlerOptions)[]);
  checkCommon(options);
  flagOption('once', options.once);
  flagOption('isolate', options.isolate);
}

export function checkStreamOptions(options: SubscribeOptions): void {
  checkKeys('options', options, COMMON);
  checkCommon(options);
}

export function checkModuleOptions(options: ModuleOptions): void {
  checkKeys('options', options, [...COMMON, 'data', 'loop', 'resourceLimits'] satisfies (keyof ModuleOptions)[]);
  checkCommon(options);
  choiceOption('loop', options.loop, ['cooperative', 'dedicated']);
  checkKeys('resourceLimits', options.resourceLimits, LIMITS);
  for (const [name, value] of Object.entries(options.resourceLimits ?? {})) {
    if (value !== undefined && !(typeof value === 'number' && value > 0)) {
      throw new InvalidOptionError(`resourceLimits.${name}`, value, 'a number above 0, in MB');
    }
  }
}

function checkCommon(options: SubscribeOptions): void {
  if (options.name !== undefined && (typeof options.name !== 'string' || options.name === '')) {
    throw new InvalidOptionError('name', options.name, 'a non-empty string');
  }
  signalOption(options.signal);
}
