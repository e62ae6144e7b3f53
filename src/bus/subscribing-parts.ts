/** What subscribing needs of the bus around it. */
import type { EventEmitter } from 'node:events';
import type { RingWriter } from '../ring/ring-writer.js';
import type { Attachment } from '../worker/worker-protocol.js';
import type { KeepAlive } from './keep-alive.js';
import type { ReadingContext } from './local-reader.js';
import type { Publisher } from './publisher.js';
import type { Readers } from './readers.js';
import type { Room } from './room.js';
import type { TopicTable } from './topic-table.js';

export interface SubscribingParts {
  /** Where what happens is told: the bus that users hold. */
  readonly bus: EventEmitter;
  readonly writer: RingWriter;
  readonly topics: TopicTable;
  readonly publisher: Publisher;
  readonly readers: Readers;
  readonly room: Room;
  readonly keepAlive: KeepAlive;
  readonly reading: ReadingContext;
  /** What of an attachment is the same for all threads of a bus. */
  readonly attachment: Pick<Attachment, 'ring' | 'topicNames' | 'typeNames' | 'types'>;
}
