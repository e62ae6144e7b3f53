/** A NATS server of the test's own: in a folder and on a port of its own, ended by its id. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectSocket, createServer } from 'node:net';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { temporaryDirectory } from './temporary-directory.js';

/** Why there can be no server here; false: there can. */
export function noNatsServer(): string | false {
  return spawnSync('which', ['nats-server']).status !== 0 && 'not installed: nats-server';
}

export class NatsServer {
  readonly #directory: string;
  readonly port: number;
  readonly #connections: NatsConnection[] = [];
  #server: ChildProcess | undefined;

  private constructor(directory: string, port: number) {
    this.#directory = directory;
    this.port = port;
  }

  static async start(t: TestContext): Promise<NatsServer> {
    let server: NatsServer | undefined;
    const directory = await temporaryDirectory(t, async () => server?.stop());
    server = new NatsServer(directory, await freePort());
    await server.start();
    return server;
  }

  get url(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Starts the server, again after it was killed, with what it had stored. */
  async start(): Promise<void> {
    const options = ['-a', '127.0.0.1', '-p', `${this.port}`, '-js', '-sd', this.#directory];
    this.#server = spawn('nats-server', options, { stdio: 'ignore' });
    while (!(await this.#accepts())) await sleep(20);
  }

  async kill(): Promise<void> {
    const server = this.#server;
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, 'exit');
    server.kill('SIGKILL');
    await exited;
  }

  async connect(): Promise<NatsConnection> {
    const options = { servers: this.url, maxReconnectAttempts: -1, reconnectTimeWait: 100, noAsyncTraces: true };
    const connection = await connect(options);
    this.#connections.push(connection);
    return connection;
  }

  async messagesOf(stream: string): Promise<number> {
    const admin = await jetstreamManager(await this.connect());
    return (await admin.streams.info(stream)).state.messages;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.close()));
    await this.kill();
  }

  #accepts(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connectSocket(this.port, '127.0.0.1');
      socket.once('data', () => resolve(true)).once('error', () => resolve(false));
      socket.once('close', () => resolve(false));
      socket.once('data', () => socket.destroy());
    });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
