/** What crosses between the unpacker and its threads: plain data. */
import type { EmitterHandle } from '../../index.js';
import type { CrossedError } from '../crossed-error.js';
import type { LayerOptions } from './layer.js';
import type { SnapshotCommitment } from './snapshot-files.js';

/** Where a task is: an Int32 in shared memory. Whoever turns WAITING into something else has decided. */
export const TASK = { waiting: 0, running: 1, cancelled: 2 } as const;

export interface ApplyTask {
  readonly kind: 'apply';
  /** See {@link TASK}. */
  readonly state: Int32Array;
  /** Directory that the layer is unpacked over. */
  readonly root: string;
  /** File with the layer as it is stored. */
  readonly blob: string;
  /** What errors call the layer. */
  readonly source: string;
  readonly options: LayerOptions;
}

export interface CommitTask {
  readonly kind: 'commit';
  readonly commitment: SnapshotCommitment;
  /** Of the caller; undefined where that has none which another thread can have. */
  readonly emitter: EmitterHandle | undefined;
}

export type UnpackTask = ApplyTask | CommitTask;

/** The diff id of the layer; or whether the event is on the bus. An error is a result, too: a rejection loses its fields. */
export type UnpackResult =
  | { readonly kind: 'applied'; readonly diffId: string }
  | { readonly kind: 'committed'; readonly isTold: boolean }
  | { readonly kind: 'failed'; readonly error: CrossedError };
