/** Frames by hand: a ttrpc client, or a server, that does what no proper one does. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { encodeFrame, type Frame, FrameReader } from '../../src/bridges/ttrpc/frame.js';
import { decodeResponse, encodeRequest } from '../../src/bridges/ttrpc/message.js';

export class RawClient {
  readonly socket: Socket;
  readonly #reader = new FrameReader();
  readonly #frames: Frame[] = [];
  #wake = (): void => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      this.#reader.push(chunk);
      for (let frame = this.#reader.next(); frame !== undefined; frame = this.#reader.next()) this.#frames.push(frame);
      this.#wake();
    });
    socket.on('close', () => this.#wake());
  }

  static async connect(path: string): Promise<RawClient> {
    const socket = connect(path);
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  request(streamId: number, service: string, method: string, payload: Uint8Array, flags = 0): void {
    const request = { service, method, payload: Buffer.from(payload), timeoutMs: undefined, metadata: new Map() };
    this.socket.write(encodeFrame(streamId, 1, flags, encodeRequest(request)));
  }

  /** The next frame; undefined when the connection has ended. */
  async frame(): Promise<Frame | undefined> {
    while (this.#frames.length === 0 && !this.socket.closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#frames.shift();
  }

  /** Stream id, status and payload of the next response. */
  async response(): Promise<[streamId: number, status: number, payload: string]> {
    const frame = await this.frame();
    if (frame === undefined) throw new Error('the connection has ended');
    const { status, payload } = decodeResponse(frame.data!);
    return [frame.streamId, status, payload.toString()];
  }
}
