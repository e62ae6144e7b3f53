/** A NATS server of the test's own: in a folder and on a port of its own, ended by its id. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectSocket } from 'node:net';
import { basename } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { temporaryDirectory } from './temporary-directory.js';

/** Why there can be no server here; false: there can. */
export function noNatsServer(): string | false {
  return spawnSync('which', ['nats-server']).status !== 0 && 'not installed: nats-server';
}

/** Ports that no system gives away by itself: nobody else has one while the server is started, or away. */
const PORTS = [10_000, 30_000] as const;

export class NatsServer {
  readonly #directory: string;
  /** What it says that it is called. */
  readonly #name: string;
  #port = randomInt(...PORTS);
  readonly #connections: NatsConnection[] = [];
  #server: ChildProcess | undefined;

  private constructor(directory: string) {
    this.#directory = directory;
    this.#name = basename(directory);
  }

  static async start(t: TestContext): Promise<NatsServer> {
    let server: NatsServer | undefined;
    const directory = await temporaryDirectory(t, async () => server?.stop());
    server = new NatsServer(directory);
    // Another server has the port.
    while (!(await server.#listens())) server.#port = randomInt(...PORTS);
    return server;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Starts the server, again after it was killed, with what it had stored. */
  async start(): Promise<void> {
    assert.ok(await this.#listens(), `somebody else has port ${this.port}`);
  }

  /** Starts the server; false when it has ended by itself. */
  async #listens(): Promise<boolean> {
    const options = ['-a', '127.0.0.1', '-p', `${this.port}`, '-n', this.#name, '-js', '-sd', this.#directory];
    const server = spawn('nats-server', options, { stdio: 'ignore' });
    this.#server = server;
    while (!(await this.#accepts())) {
      if (server.exitCode !== null) return false;
      await sleep(20);
    }
    return true;
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

  /** Whether it takes connections: it says its name first. */
  #accepts(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connectSocket(this.port, '127.0.0.1');
      let text = '';
      socket.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
        if (text.includes('\n')) socket.destroy();
      });
      socket.once('error', () => {}).once('close', () => resolve(text.includes(`"${this.#name}"`)));
    });
  }
}
