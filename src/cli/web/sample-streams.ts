/**
 * The samples of buses as server-sent events. A bus is followed once, for all who look at it, and only while somebody does. Who does
 * not read misses samples.
 */
import type { ServerResponse } from 'node:http';
import { basename } from 'node:path';
import type { Sample } from '../../observe/serving/protocol.js';
import { followBus } from '../top/served-buses.js';

/** Streams at a time. */
const MAX_STREAMS = 16;
/** Samples in a row that a stream may miss because nobody reads it. */
const MAX_MISSED = 60;

/** A bus that can be looked at. */
export interface ServedBus {
  /** The name of its socket, without the ending: `4711-orders`. */
  readonly id: string;
}

interface Followed {
  readonly streams: Set<Stream>;
  last: string | undefined;
  stop(): void;
}

interface Stream {
  readonly response: ServerResponse;
  missed: number;
}

export class SampleStreams {
  readonly #find: () => Promise<readonly string[]>;
  readonly #intervalMs: number;
  readonly #followed = new Map<string, Followed>();
  #count = 0;

  /** @param find the sockets that may be looked at; rejects when there is none */
  constructor(find: () => Promise<readonly string[]>, intervalMs: number) {
    this.#find = find;
    this.#intervalMs = intervalMs;
  }

  async list(): Promise<readonly ServedBus[]> {
    return (await this.#paths()).map((path) => ({ id: idOf(path) }));
  }

  /** Sends the samples of a bus until it is gone, or who asked is. */
  async stream(id: string, response: ServerResponse): Promise<void> {
    const path = (await this.#paths()).find((one) => idOf(one) === id);
    // Who asked has gone meanwhile.
    if (response.destroyed) return;
    if (path === undefined || this.#count >= MAX_STREAMS) {
      response.statusCode = path === undefined ? 404 : 503;
      response.setHeader('Retry-After', '5');
      response.end();
      return;
    }
    const stream = { response, missed: 0 };
    this.#count++;
    // Of the answer, not of its connection: a browser asks for the next stream on the same one.
    response.once('close', () => {
      this.#count--;
      this.#leave(path, stream);
    });
    response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' });
    response.write(`retry: ${this.#intervalMs}\n\n`);
    const followed = this.#followed.get(path) ?? this.#follow(path);
    followed.streams.add(stream);
    if (followed.last !== undefined) response.write(followed.last);
  }

  close(): void {
    for (const { stop } of this.#followed.values()) stop();
    this.#followed.clear();
  }

  async #paths(): Promise<readonly string[]> {
    return await this.#find().catch(() => []);
  }

  #follow(path: string): Followed {
    const streams = new Set<Stream>();
    const tell = (text: string): void => {
      for (const stream of streams) {
        if (stream.response.writableLength === 0) {
          stream.missed = 0;
          stream.response.write(text);
        } else if (++stream.missed > MAX_MISSED) stream.response.destroy();
      }
    };
    const onSample = (sample: Sample): void => {
      followed.last = `data: ${JSON.stringify(sample)}\n\n`;
      tell(followed.last);
    };
    const socket = followBus(path, this.#intervalMs, onSample, () => {
      if (this.#followed.get(path) === followed) this.#followed.delete(path);
      tell('event: gone\ndata: the bus is gone\n\n');
      for (const { response } of streams) response.end();
    });
    const followed: Followed = { streams, last: undefined, stop: () => void socket.destroy() };
    this.#followed.set(path, followed);
    return followed;
  }

  #leave(path: string, stream: Stream): void {
    const followed = this.#followed.get(path);
    if (followed === undefined || !followed.streams.delete(stream) || followed.streams.size > 0) return;
    this.#followed.delete(path);
    followed.stop();
  }
}

function idOf(path: string): string {
  return basename(path).replace(/\.sock$/, '');
}
