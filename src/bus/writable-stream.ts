/** A bus as the end of a pipeline: a Node stream whose chunks are published. */
import type { Writable } from 'node:stream';
import { BusError } from '../errors.js';
import type { PublishOptions } from '../publish/publish-options.js';

/** What of a bus the stream uses. */
interface Publishing {
  publish(topic: string, event: unknown, options: PublishOptions): boolean;
  writable(): Promise<void>;
}

/** Publishes each chunk on `topicOf(chunk)`, and takes the next one when there is room for it. */
export function writableStream(
  bus: Publishing,
  topicOf: (event: unknown) => string,
  options: PublishOptions,
): Writable {
  // Loaded where it is asked for: whoever only publishes does not pay for streams.
  const { Writable: NodeWritable } = process.getBuiltinModule('node:stream');
  const write = async (event: unknown): Promise<void> => {
    for (;;) {
      try {
        if (!bus.publish(topicOf(event), event, options)) await bus.writable();
        return;
      } catch (error) {
        // Others filled the queue: this event was not accepted, and has to wait for its turn.
        if (!(error instanceof BusError) || error.code !== 'BUS_QUEUE_FULL') throw error;
        await bus.writable();
      }
    }
  };
  return new NodeWritable({
    objectMode: true,
    // The ring is the buffer.
    highWaterMark: 1,
    write: (event: unknown, _encoding, done) => void write(event).then(() => done(), done),
  });
}
