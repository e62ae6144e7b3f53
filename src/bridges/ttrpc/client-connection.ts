/** One connection of a ttrpc client: calls that wait for their answers, and streams that are read. */
import { connect, type Socket } from 'node:net';
import { clearTimeout, setTimeout } from '../../host/timing.js';
import {
  CallFailedError,
  CallTimeoutError,
  ConnectionLostError,
  connectionLost,
  ProtocolError,
} from '../bridge-errors.js';
import { DATA, encodeFrame, FrameReader, NO_DATA, REMOTE_CLOSED, REQUEST, RESPONSE } from './frame.js';
import { decodeResponse, encodeRequest, type TtrpcRequest, type TtrpcResponse } from './message.js';
import { MessageQueue } from './message-queue.js';
import { OK } from './status.js';

/** Ids are used once; the connection is given up before they run out. */
const MAX_ID = 2 ** 31 - 2;

/** What waits for frames of a stream. */
interface Waiting {
  response(response: TtrpcResponse): void;
  data?(message: Buffer, last: boolean): void;
  failed(error: Error): void;
}

export class ClientConnection {
  readonly #socket: Socket;
  readonly #address: string;
  readonly #reader = new FrameReader();
  readonly #waiting = new Map<number, Waiting>();
  readonly #queues = new Set<MessageQueue>();
  #nextId = 1;
  #error: Error | undefined;

  private constructor(socket: Socket, address: string) {
    this.#socket = socket;
    this.#address = address;
    socket.on('data', (chunk) => this.#push(chunk));
    socket.on('error', (error) => this.#fail(connectionLost(address, error)));
    socket.on('close', () => this.#fail(new ConnectionLostError(address, 'the other side closed it')));
  }

  /** @throws {ConnectionLostError} `BRIDGE_CONNECTION_LOST` when nobody is there */
  static open(address: string): Promise<ClientConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect(address);
      const failed = (error: Error): void => reject(connectionLost(address, error));
      socket.once('error', failed);
      socket.once('connect', () => {
        socket.off('error', failed);
        resolve(new ClientConnection(socket, address));
      });
    });
  }

  /** Whether calls can be made. */
  get usable(): boolean {
    return this.#error === undefined && this.#nextId < MAX_ID;
  }

  /** Sends a request and resolves with the payload of its answer. */
  call(request: TtrpcRequest): Promise<Buffer> {
    const name = `${request.service}/${request.method}`;
    return new Promise((resolve, reject) => {
      const { timeoutMs } = request;
      let timer: NodeJS.Timeout | undefined;
      const id = this.#send(request, 0, {
        response({ status, message, payload }) {
          clearTimeout(timer);
          if (status === OK) resolve(payload);
          else reject(new CallFailedError(name, status, message));
        },
        failed(error) {
          clearTimeout(timer);
          reject(error);
        },
      });
      if (id === undefined || timeoutMs === undefined) return;
      timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new CallTimeoutError(name, timeoutMs));
      }, timeoutMs);
    });
  }

  /** Sends a request and returns the messages of its answer as they come. */
  stream(request: TtrpcRequest): MessageQueue {
    const name = `${request.service}/${request.method}`;
    const queue = new MessageQueue({
      // Nothing in the protocol slows one stream down: the connection is not read from, for all of its calls.
      full: (isFull) => {
        if (isFull) this.#socket.pause();
        else if (![...this.#queues].some((one) => one.isFull)) this.#read();
      },
      abandoned: () => {
        this.#queues.delete(queue);
        if (id !== undefined) this.#waiting.delete(id);
      },
    });
    this.#queues.add(queue);
    const id = this.#send(request, REMOTE_CLOSED, {
      response: ({ status, message }) =>
        queue.end(status === OK ? undefined : new CallFailedError(name, status, message)),
      data: (message, last) => {
        if (message.length > 0) queue.push(message);
        if (last) queue.end(undefined);
      },
      failed: (error) => queue.end(error),
    });
    return queue;
  }

  close(): void {
    this.#fail(new ConnectionLostError(this.#address, 'it was closed'));
  }

  #send(request: TtrpcRequest, flags: number, waiting: Waiting): number | undefined {
    if (this.#error !== undefined) {
      waiting.failed(this.#error);
      return undefined;
    }
    const id = this.#nextId;
    this.#nextId += 2;
    this.#waiting.set(id, waiting);
    this.#socket.write(encodeFrame(id, REQUEST, flags, encodeRequest(request)));
    return id;
  }

  #push(chunk: Buffer): void {
    this.#reader.push(chunk);
    this.#read();
  }

  #read(): void {
    try {
      while (this.#error === undefined && ![...this.#queues].some((queue) => queue.isFull)) {
        const frame = this.#reader.next();
        if (frame === undefined) {
          this.#socket.resume();
          return;
        }
        this.#take(frame.streamId, frame.type, frame.flags, frame.data);
      }
    } catch (error) {
      this.#fail(new ProtocolError(this.#address, (error as Error).message));
    }
  }

  #take(id: number, type: number, flags: number, data: Buffer | undefined): void {
    this.#hand(id, type, flags, data);
    if (this.#waiting.size === 0 && this.#nextId >= MAX_ID) this.close();
  }

  #hand(id: number, type: number, flags: number, data: Buffer | undefined): void {
    const waiting = this.#waiting.get(id);
    // Nobody waits any more.
    if (waiting === undefined) return;
    if (data === undefined) throw new RangeError('an answer is larger than 4 MiB');
    if (type === DATA && waiting.data !== undefined) {
      const last = (flags & REMOTE_CLOSED) !== 0;
      if (last) this.#waiting.delete(id);
      waiting.data((flags & NO_DATA) !== 0 ? Buffer.alloc(0) : data, last);
    } else if (type === RESPONSE) {
      // What cannot be read fails all that wait, this call too.
      const response = decodeResponse(data);
      this.#waiting.delete(id);
      waiting.response(response);
    }
  }

  #fail(error: Error): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#socket.destroy();
    for (const waiting of this.#waiting.values()) waiting.failed(error);
    this.#waiting.clear();
    this.#queues.clear();
  }
}
