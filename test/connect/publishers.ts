/** Threads that publish over connections, and the laws that what arrives has to keep. */
import assert from 'node:assert/strict';
import { Worker } from 'node:worker_threads';
import type { Bus, Envelope } from '../../src/index.js';
import { BEGUN, type NumberedEvent, PUBLISHER_CELLS, type PublisherData, TOLD } from '../support/publisher-progress.js';

const PROGRAM = new URL('../fixtures/workers/connected-publisher.js', import.meta.url);

export class PublishingThread {
  readonly producer: number;
  readonly worker: Worker;
  readonly failed: Promise<Error & { readonly code?: string }>;
  readonly exited: Promise<unknown>;
  readonly #progress = new Int32Array(new SharedArrayBuffer(PUBLISHER_CELLS * 4));

  constructor(bus: Bus, producer: number, options: Partial<PublisherData> = {}) {
    this.producer = producer;
    const data: PublisherData = {
      bus: bus.handle,
      producer,
      progress: this.#progress,
      count: 1_000,
      bytes: 20,
      way: 'wait',
      end: 'return',
      ...options,
    };
    this.worker = new Worker(PROGRAM, { workerData: data });
    this.failed = new Promise((resolve) => {
      this.worker.on('error', resolve);
    });
    this.exited = new Promise((resolve) => {
      this.worker.on('exit', resolve);
    });
  }

  get begun(): number {
    return Atomics.load(this.#progress, BEGUN);
  }

  get told(): number {
    return Atomics.load(this.#progress, TOLD);
  }
}

/** Writes down what arrives, and in which order. */
export class Arrivals {
  readonly ids = new Map<number, number[]>();
  readonly sequences: number[] = [];

  readonly note = ({ event, sequence }: Envelope): void => {
    const { producer, id } = event as NumberedEvent;
    const ids = this.ids.get(producer) ?? [];
    this.ids.set(producer, ids);
    ids.push(id);
    this.sequences.push(sequence);
  };

  /** Each event of a thread once, in order, and all that it was told of; of those it was at, none or some. */
  check(thread: PublishingThread): void {
    const ids = this.ids.get(thread.producer) ?? [];
    ids.forEach((id, index) => {
      assert.equal(id, index, `event ${index} of publisher ${thread.producer}`);
    });
    assert.ok(ids.length >= thread.told, `publisher ${thread.producer}: ${thread.told} told, ${ids.length} arrived`);
    assert.ok(ids.length <= thread.begun, `publisher ${thread.producer}: ${thread.begun} begun, ${ids.length} arrived`);
  }

  checkOrder(): void {
    this.sequences.forEach((sequence, index) => {
      if (index > 0) assert.ok(sequence > this.sequences[index - 1]!, `sequence ${sequence} at ${index}`);
    });
  }
}

/** Resolves when a bus has seen `count` connections off. */
export function disconnects(bus: Bus, count: number): Promise<void> {
  let seen = 0;
  return new Promise((resolve) => {
    bus.on('disconnect', () => {
      if (++seen === count) resolve();
    });
  });
}
