/** What a publishing thread is told, and what it says of how far it has come. */
import type { BusHandle } from '../../src/index.js';

/** Events whose publishing has begun; events that were accepted into the uplink for certain; whether it may end. */
export const BEGUN = 0;
export const TOLD = 1;
export const PUBLISHER_CELLS = 2;

export interface PublisherData {
  readonly bus: BusHandle;
  readonly producer: number;
  readonly progress: Int32Array;
  readonly count: number;
  readonly bytes: number;
  /** `await` room when told to; go on regardless; block until there is room. */
  readonly way: 'wait' | 'queue' | 'sync';
  readonly end: 'close' | 'return' | 'exit' | 'throw' | 'stay';
}

export interface NumberedEvent {
  readonly producer: number;
  readonly id: number;
  readonly filler: string;
}
