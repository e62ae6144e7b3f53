/**
 * The socket on which samples are served. Nothing that a client does costs more than a bounded amount of memory: there are at
 * most 32 of them, a request is short, and who does not read misses samples.
 *
 * The file of the socket may be deleted while it is served, as by what cleans temporary folders up: then it is made again.
 */
import { chmodSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { clearInterval, clearTimeout, setInterval, setTimeout } from '../../host/timing.js';
import { PROTOCOL_VERSION, type Sample } from './protocol.js';
import { inodeOf, MADE_AS, MADE_IN, removeOwn } from './socket-path.js';

const MAX_CLIENTS = 32;
const MAX_REQUEST_CHARACTERS = 1_024;
/** How long a client may take to ask, and to take the one sample that it has asked for. */
const REQUEST_PATIENCE_MS = 5_000;
/** What all clients together may have unread. Whoever would have more misses samples. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024;
/** Samples in a row that a client may miss because it does not read. */
const MAX_MISSED = 100;
const MIN_INTERVAL_MS = 100;
const MAX_INTERVAL_MS = 60_000;

export class SocketServer {
  readonly #path: string;
  readonly #sample: () => Promise<Sample>;
  #server: Server | undefined;
  #isClosed = false;
  readonly #clients = new Set<Socket>();

  constructor(path: string, sample: () => Promise<Sample>) {
    this.#path = path;
    this.#sample = sample;
  }

  /** Of the socket, by which it is told from another one at its path. */
  inode: number | undefined;

  /** Whether nothing is at the path of the socket any more. */
  get isGone(): boolean {
    return inodeOf(this.#path) === undefined;
  }

  /** Listens, with a socket that is nobody's but this user's from the first moment on. Again, where the first one is gone. */
  async listen(): Promise<void> {
    const server = createServer((socket) => this.#serve(socket));
    server.maxConnections = MAX_CLIENTS;
    // Made in a folder that is closed to others, and moved to its place when it is closed itself.
    const folder = mkdtempSync(`${dirname(this.#path)}/${MADE_IN}`);
    try {
      const made = join(folder, MADE_AS);
      await new Promise<void>((resolve, reject) => {
        // Later ones say that a client was not let in, as where the process has no file descriptor left.
        server.on('error', reject);
        server.listen(made, resolve);
      });
      chmodSync(made, 0o600);
      if (this.#isClosed) {
        server.close();
        return;
      }
      renameSync(made, this.#path);
      this.inode = inodeOf(this.#path);
      this.#server?.close();
      this.#server = server;
    } catch (error) {
      // Nobody will ever find it, and it would keep the thread.
      server.close();
      throw error;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#server?.close();
    for (const client of this.#clients) client.destroy();
    removeOwn(this.#path, this.inode);
  }

  #serve(socket: Socket): void {
    if (this.#clients.size >= MAX_CLIENTS) {
      socket.destroy();
      return;
    }
    this.#clients.add(socket);
    let timer: NodeJS.Timeout | undefined;
    let patience = setTimeout(() => socket.destroy(), REQUEST_PATIENCE_MS);
    socket.once('close', () => {
      clearTimeout(patience);
      clearInterval(timer);
      this.#clients.delete(socket);
    });
    // Whatever goes wrong with a client, it is gone.
    socket.on('error', () => socket.destroy());
    let request = '';
    const read = (chunk: string): void => {
      request += chunk.slice(0, MAX_REQUEST_CHARACTERS);
      const end = request.indexOf('\n');
      if (end < 0 && request.length < MAX_REQUEST_CHARACTERS) return;
      clearTimeout(patience);
      socket.off('data', read);
      // Nothing more is asked for: what still comes is read, and thrown away.
      socket.resume();
      const intervalMs = end < 0 ? undefined : intervalOf(request.slice(0, end));
      if (intervalMs === undefined) refuse(socket);
      else if (intervalMs === 0) {
        // Also where it never takes the sample, or never closes its end.
        patience = setTimeout(() => socket.destroy(), REQUEST_PATIENCE_MS);
        void this.#sample().then((sample) => socket.end(lineOf(sample)));
      } else timer = this.#stream(socket, intervalMs);
    };
    socket.setEncoding('utf8').on('data', read);
  }

  get #unreadBytes(): number {
    let bytes = 0;
    for (const { writableLength } of this.#clients) bytes += writableLength;
    return bytes;
  }

  #stream(socket: Socket, intervalMs: number): NodeJS.Timeout {
    let missed = 0;
    const send = async (): Promise<void> => {
      if (socket.writableLength > 0 || this.#unreadBytes > MAX_UNREAD_BYTES) {
        if (++missed > MAX_MISSED) socket.destroy();
        return;
      }
      missed = 0;
      const sample = await this.#sample();
      if (!socket.destroyed) socket.write(lineOf(sample));
    };
    void send();
    return setInterval(() => void send(), intervalMs);
  }
}

function refuse(socket: Socket): void {
  const error = `ask with a line of JSON: {"v":${PROTOCOL_VERSION},"intervalMs":1000}`;
  socket.end(`${JSON.stringify({ v: PROTOCOL_VERSION, error })}\n`, () => socket.destroy());
}

/** The interval that a request asks for; undefined when it makes no sense. */
function intervalOf(line: string): number | undefined {
  let request: unknown;
  try {
    request = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (request === null || typeof request !== 'object') return undefined;
  const { v, intervalMs } = request as { v?: unknown; intervalMs?: unknown };
  if (v !== PROTOCOL_VERSION || typeof intervalMs !== 'number' || !(intervalMs >= 0)) return undefined;
  return intervalMs === 0 ? 0 : Math.min(Math.max(intervalMs, MIN_INTERVAL_MS), MAX_INTERVAL_MS);
}

/** Bytes: a text would wait in the heap of this thread, which is small. */
function lineOf(sample: Sample): Buffer {
  return Buffer.from(`${JSON.stringify(sample, (_, value) => (typeof value === 'bigint' ? `${value}` : value))}\n`);
}
