/** What a thread needs to connect to a bus: plain data that crosses to any thread, as often as one likes. */
import { types } from 'node:util';
import { InvalidOptionError, LayoutMismatchError } from '../errors.js';
import { workerThreads } from '../host/worker-threads.js';
import { readable } from '../option-check.js';
import { LAYOUT_VERSION } from '../ring/control-descriptor.js';
import type { RingBuffers } from '../ring/ring-memory.js';
import type { AnyTopics } from '../subscribe/typed-topics.js';

declare const TOPICS: unique symbol;

/**
 * What `connectBus` makes a connection from: shared buffers, numbers and strings. Give it to other threads as `workerData`, in
 * a message, or as part of a task, without a transfer list; they may pass it on. Its fields are the package's own.
 *
 * @typeParam Topics what the bus was created with: the compiler checks by it what connections publish
 */
export interface BusHandle<Topics extends object = AnyTopics> {
  /** Layout of the shared memory. */
  readonly ringcastLayout: number;
  readonly busId: string;
  /** Thread that owns the bus. */
  readonly ownerThreadId: number;
  readonly ring: RingBuffers;
  readonly topicNames: SharedArrayBuffer;
  readonly typeNames: SharedArrayBuffer;
  readonly originNames: SharedArrayBuffer;
  /** Modules with event types. */
  readonly types: readonly string[];
  readonly namespace: string;
  readonly topicTypes: ReadonlyMap<string, string>;
  readonly maxTopics: number;
  readonly keepUnwanted: boolean;
  readonly maxPendingBytes: number;
  readonly [TOPICS]?: Topics;
}

/** What of a bus's options its connections work with. */
type ConnectedOptions = Pick<BusHandle, 'namespace' | 'topicTypes' | 'maxTopics' | 'keepUnwanted' | 'maxPendingBytes'>;

/** The handle of a bus that this thread owns. */
export function makeHandle<Topics extends object>(
  busId: string,
  {
    ring,
    topicNames,
    typeNames,
    originNames,
    types,
  }: Pick<BusHandle, 'ring' | 'topicNames' | 'typeNames' | 'originNames' | 'types'>,
  { namespace, topicTypes, maxTopics, keepUnwanted, maxPendingBytes }: ConnectedOptions,
): BusHandle<Topics> {
  const shared = { ring, topicNames, typeNames, originNames, types };
  const options = { namespace, topicTypes, maxTopics, keepUnwanted, maxPendingBytes };
  return { ringcastLayout: LAYOUT_VERSION, busId, ownerThreadId: workerThreads().threadId, ...shared, ...options };
}

/**
 * A copy of a handle, each field read once.
 *
 * @throws {InvalidOptionError} `BUS_INVALID_OPTION` when it is no handle
 * @throws {LayoutMismatchError} `BUS_LAYOUT_MISMATCH` when another version of the package made it
 */
export function checkHandle(handle: unknown): BusHandle {
  const copy = readable('handle', () => ({ ...(handle as BusHandle | null | undefined) })) as Partial<BusHandle>;
  const { ringcastLayout: layout } = copy;
  if (typeof layout !== 'number') throw new InvalidOptionError('handle', handle, 'the handle of a bus, bus.handle');
  if (layout !== LAYOUT_VERSION) throw new LayoutMismatchError(layout, LAYOUT_VERSION);
  // JSON, and messages to other processes, leave nothing of shared memory.
  if (!types.isSharedArrayBuffer(copy.topicNames) || !types.isMap(copy.topicTypes)) {
    throw new InvalidOptionError(
      'handle',
      handle,
      'passed on as workerData or in a message of this process, and never as text',
    );
  }
  return copy as BusHandle;
}
