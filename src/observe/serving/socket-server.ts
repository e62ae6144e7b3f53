/**
 * The socket on which samples are served. Nothing that a client does costs more than a bounded amount of memory: there are at
 * most 32 of them, a request is short, and who does not read misses samples.
 */
import { chmodSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { clearInterval, clearTimeout, setInterval, setTimeout } from '../../host/timing.js';
import { PROTOCOL_VERSION, type Sample } from './protocol.js';

const MAX_CLIENTS = 32;
const MAX_REQUEST_CHARACTERS = 1_024;
/** How long a client may take to ask. */
const REQUEST_PATIENCE_MS = 5_000;
/** Samples in a row that a client may miss because it does not read. */
const MAX_MISSED = 100;
const MIN_INTERVAL_MS = 100;
const MAX_INTERVAL_MS = 60_000;

export class SocketServer {
  readonly #path: string;
  readonly #sample: () => Promise<Sample>;
  readonly #server: Server;
  readonly #clients = new Set<Socket>();

  constructor(path: string, sample: () => Promise<Sample>) {
    this.#path = path;
    this.#sample = sample;
    this.#server = createServer((socket) => this.#serve(socket));
    this.#server.maxConnections = MAX_CLIENTS;
  }

  /** Listens, with a socket that is nobody's but this user's from the first moment on. */
  async listen(): Promise<void> {
    // Made in a folder that is closed to others, and moved to its place when it is closed itself.
    const folder = mkdtempSync(join(dirname(this.#path), '.ringcast-'));
    try {
      const made = join(folder, 's');
      await new Promise<void>((resolve, reject) => {
        this.#server.once('error', reject);
        this.#server.listen(made, resolve);
      });
      chmodSync(made, 0o600);
      renameSync(made, this.#path);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  close(): void {
    this.#server.close();
    for (const client of this.#clients) client.destroy();
    rmSync(this.#path, { force: true });
  }

  #serve(socket: Socket): void {
    this.#clients.add(socket);
    let timer: NodeJS.Timeout | undefined;
    const patience = setTimeout(() => socket.destroy(), REQUEST_PATIENCE_MS);
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
      else if (intervalMs === 0) void this.#sample().then((sample) => socket.end(lineOf(sample)));
      else timer = this.#stream(socket, intervalMs);
    };
    socket.setEncoding('utf8').on('data', read);
  }

  #stream(socket: Socket, intervalMs: number): NodeJS.Timeout {
    let missed = 0;
    const send = async (): Promise<void> => {
      if (socket.writableLength > 0) {
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

function lineOf(sample: Sample): string {
  return `${JSON.stringify(sample, (_, value) => (typeof value === 'bigint' ? `${value}` : value))}\n`;
}
