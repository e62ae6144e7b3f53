/** What subscribing needs of the bus around it. */
import type { EventEmitter } from 'node:events';
import type { MessagePort } from 'node:worker_threads';
import type { KeepAlive } from '../host/keep-alive.js';
import type { Backpressure } from '../publish/backpressure.js';
import type { Origins } from '../publish/origins.js';
import type { Publisher } from '../publish/publisher.js';
import type { Readers } from '../publish/readers.js';
import type { TopicTable } from '../publish/topic-table.js';
import type { RingWriter } from '../ring/ring-writer.js';
import type { Attachment } from '../worker/worker-protocol.js';
import type { ReadingContext } from './local-reader.js';
import type { Arrivals } from './wait-hint.js';

/** How modules get a connection to their bus, which knows what that is. */
export interface ModuleMeetings {
  /** What a module connects by. */
  handle(): object;
  /** A module has connected. Returns what is to be called when its thread is gone. */
  meet(hello: object, port: MessagePort): () => void;
}

export interface SubscribingParts {
  /** Where what happens is told: the bus that users hold. */
  readonly bus: EventEmitter;
  readonly writer: RingWriter;
  readonly topics: TopicTable;
  readonly origins: Origins;
  readonly publisher: Publisher;
  readonly arrivals: Arrivals;
  readonly readers: Readers;
  readonly backpressure: Backpressure;
  readonly keepAlive: KeepAlive;
  readonly reading: ReadingContext;
  readonly modules: ModuleMeetings;
  /** What of an attachment is the same for all threads of a bus. */
  readonly attachment: Pick<Attachment, 'ring' | 'topicNames' | 'typeNames' | 'originNames' | 'types'>;
}
