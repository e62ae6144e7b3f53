/**
 * One connection to a ttrpc server.
 *
 * Bounded: a connection has at most {@link MAX_CALLS} calls in hand, and is not read from while it has, nor while its client
 * does not take what it was answered. Until then it holds one frame at most, of which all connections together may hold
 * what {@link HeldBytes} allows.
 */
import type { Socket } from 'node:net';
import { clearTimeout, nextTurn, setTimeout } from '../../host/timing.js';
import { showThrown } from '../../shown.js';
import { DATA, encodeFrame, type Frame, FrameReader, NO_DATA, REMOTE_CLOSED, REQUEST, RESPONSE } from './frame.js';
import type { HeldBytes } from './held-bytes.js';
import { decodeRequest, encodeResponse, type TtrpcRequest } from './message.js';
import { INVALID_ARGUMENT, OK, RESOURCE_EXHAUSTED, TtrpcStatus, UNIMPLEMENTED, UNKNOWN } from './status.js';

/** Of one connection at once. */
const MAX_CALLS = 64;
/** Frames that are taken in one turn of the loop, so that one connection does not keep the thread to itself. */
const FRAMES_PER_TURN = 256;

/** A call as the methods of a server see it. */
export interface TtrpcCall extends Pick<TtrpcRequest, 'payload' | 'timeoutMs' | 'metadata'> {
  /** Aborted when the connection is gone: nobody hears the answer. */
  readonly signal: AbortSignal;
}

/** What a server offers: methods by service and name, that answer once or with a stream. */
export type TtrpcServices = Readonly<Record<string, Readonly<Record<string, TtrpcMethod>>>>;
export type TtrpcMethod =
  | { readonly unary: (call: TtrpcCall) => Uint8Array | Promise<Uint8Array> }
  | { readonly serverStream: (call: TtrpcCall) => AsyncIterable<Uint8Array> };

const NOTHING = Buffer.alloc(0);

export class ServerConnection {
  /** Resolves when the connection is gone and nothing of it is in hand. */
  readonly ended: Promise<void>;
  readonly #socket: Socket;
  readonly #services: TtrpcServices;
  readonly #held: HeldBytes;
  readonly #reader = new FrameReader();
  readonly #gone = new AbortController();
  readonly #frameTimeoutMs: number;
  readonly #onMalformed: () => void;
  /** Runs while a frame has begun and is not complete. */
  #frameTimer: NodeJS.Timeout | undefined;
  #lastId = 0;
  #calls = 0;
  #reading = false;
  #draining: Promise<void> | undefined;
  #inputEnded = false;
  #finishing = false;

  constructor(
    socket: Socket,
    services: TtrpcServices,
    held: HeldBytes,
    frameTimeoutMs: number,
    onMalformed: () => void,
  ) {
    this.#socket = socket;
    this.#services = services;
    this.#held = held;
    this.#frameTimeoutMs = frameTimeoutMs;
    this.#onMalformed = onMalformed;
    socket.on('data', (chunk) => this.#push(chunk));
    // The client sends nothing more, and may wait for answers.
    socket.on('end', () => {
      this.#inputEnded = true;
      this.#goOn();
    });
    // Of its own accord a reset connection ends the process.
    socket.on('error', () => {});
    this.ended = new Promise((resolve) => {
      socket.once('close', () => {
        this.#held.give(this.#reader.heldBytes);
        clearTimeout(this.#frameTimer);
        this.#gone.abort();
        resolve();
      });
    });
  }

  /** Takes no more calls; the connection ends when those in hand are answered. */
  finish(): void {
    this.#finishing = true;
    this.#socket.pause();
    this.#goOn();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #push(chunk: Buffer): void {
    if (!this.#held.take(chunk.length)) {
      this.#refuse();
      return;
    }
    this.#reader.push(chunk);
    if (!this.#reading) void this.#read();
  }

  /** Takes frames for as long as there are any, and as the connection is not full. */
  async #read(): Promise<void> {
    this.#reading = true;
    try {
      for (let taken = 0; !this.#gone.signal.aborted; taken++) {
        if (this.#isFull()) {
          // What the rest of a frame waits for now is we.
          this.#clearFrameTimer();
          this.#socket.pause();
          return;
        }
        const before = this.#reader.heldBytes;
        const frame = this.#reader.next();
        this.#held.give(before - this.#reader.heldBytes);
        if (frame === undefined) break;
        this.#clearFrameTimer();
        this.#take(frame);
        if (taken % FRAMES_PER_TURN === FRAMES_PER_TURN - 1) await nextTurn();
      }
      if (this.#inputEnded) this.#endIfIdle();
      else {
        if (this.#reader.heldBytes > 0) this.#frameTimer ??= setTimeout(() => this.#refuse(), this.#frameTimeoutMs);
        this.#socket.resume();
      }
    } catch {
      this.#refuse();
    } finally {
      this.#reading = false;
    }
  }

  #clearFrameTimer(): void {
    clearTimeout(this.#frameTimer);
    this.#frameTimer = undefined;
  }

  /** Ends a connection on which something else than ttrpc is spoken, or that holds too much, or for too long. */
  #refuse(): void {
    this.#onMalformed();
    this.#socket.destroy();
  }

  #isFull(): boolean {
    return this.#calls >= MAX_CALLS || this.#draining !== undefined || this.#finishing;
  }

  #take({ streamId, type, data }: Frame): void {
    // Data of a stream that is over, or types that came later: nothing to answer.
    if (type !== REQUEST) return;
    if (data === undefined) {
      this.#answer(streamId, RESOURCE_EXHAUSTED, 'the request is larger than 4 MiB');
      return;
    }
    if (streamId % 2 === 0 || streamId <= this.#lastId) {
      this.#answer(streamId, INVALID_ARGUMENT, `stream ${streamId}: the ids of a client are odd, and only grow`);
      return;
    }
    this.#lastId = streamId;
    let request: TtrpcRequest;
    try {
      request = decodeRequest(data);
    } catch (error) {
      this.#answer(streamId, INVALID_ARGUMENT, `no request: ${showThrown(error)}`);
      return;
    }
    void this.#call(streamId, request);
  }

  /** Runs a method, and sends what it returns. Never rejects. */
  async #call(streamId: number, { service, method, payload, timeoutMs, metadata }: TtrpcRequest): Promise<void> {
    this.#calls++;
    const call: TtrpcCall = { payload, timeoutMs, metadata, signal: this.#gone.signal };
    try {
      const found = this.#method(service, method);
      if ('unary' in found) {
        const answer = await found.unary(call);
        this.#send(
          encodeFrame(streamId, RESPONSE, 0, encodeResponse({ status: OK, message: '', payload: toBuffer(answer) })),
        );
      } else {
        for await (const message of found.serverStream(call)) {
          if (!this.#send(encodeFrame(streamId, DATA, 0, message))) await this.#draining;
          if (this.#gone.signal.aborted) return;
        }
        this.#send(encodeFrame(streamId, DATA, REMOTE_CLOSED | NO_DATA, NOTHING));
      }
    } catch (error) {
      const status = error instanceof TtrpcStatus ? error.status : UNKNOWN;
      this.#answer(streamId, status, showThrown(error));
    } finally {
      this.#calls--;
      this.#goOn();
    }
  }

  #method(service: string, method: string): TtrpcMethod {
    const methods = Object.hasOwn(this.#services, service) ? this.#services[service]! : {};
    if (Object.hasOwn(methods, method)) return methods[method]!;
    throw new TtrpcStatus(UNIMPLEMENTED, `${service}/${method}`);
  }

  #answer(streamId: number, status: number, message: string): void {
    this.#send(encodeFrame(streamId, RESPONSE, 0, encodeResponse({ status, message, payload: NOTHING })));
  }

  /** Returns whether the client takes what it is sent; if not, nothing more is read from it until it has. */
  #send(frame: Buffer): boolean {
    const socket = this.#socket;
    if (!socket.writable) return true;
    if (socket.write(frame)) return true;
    this.#draining ??= new Promise((resolve) => {
      const done = (): void => {
        this.#draining = undefined;
        socket.off('drain', done).off('close', done);
        resolve();
        this.#goOn();
      };
      socket.once('drain', done).once('close', done);
    });
    return false;
  }

  #goOn(): void {
    if (this.#finishing) this.#endIfIdle();
    else if (!this.#reading && !this.#isFull()) void this.#read();
  }

  #endIfIdle(): void {
    if (this.#calls === 0) this.#socket.destroySoon();
  }
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
