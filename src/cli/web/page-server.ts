/**
 * The page of `ringcast top --web`: HTTP for one person's browser on this machine, and for nobody else.
 *
 * What keeps others out: it listens on the loopback addresses alone; the address holds a random token; a `Host` that is not a
 * name of the loopback is refused (a name of somebody else's that was pointed here), and so is a request that another page made.
 * What it sends loads nothing from anywhere else, and runs no script but its own.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { clearTimeout, setTimeout } from '../../host/timing.js';
import type { PageFiles } from './page-files.js';
import type { SampleStreams } from './sample-streams.js';

const ADDRESS = '127.0.0.1';
const ADDRESS_6 = '::1';
/** As browsers write them: no DNS server says where any of them leads. */
const HOSTS = [ADDRESS, `[${ADDRESS_6}]`, 'localhost', 'localhost.'];
/** Browsers omit it from a Host. */
const DEFAULT_PORT = 80;
const TOKEN_BYTES = 24;
/** Connections at a time; those of streams included. */
const MAX_CONNECTIONS = 64;
/** How long a request may take to come. */
const REQUEST_PATIENCE_MS = 5_000;
const MAX_HEADER_BYTES = 8 * 1024;

const HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': [
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'",
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  ].join('; '),
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
};

export class PageServer {
  readonly #files: PageFiles;
  readonly #streams: SampleStreams;
  readonly #token = randomBytes(TOKEN_BYTES).toString('base64url');
  readonly #server: Server;
  readonly #server6: Server;
  /** What a `Host` may be. */
  #hosts: ReadonlySet<string> = new Set();

  constructor(files: PageFiles, streams: SampleStreams) {
    this.#files = files;
    this.#streams = streams;
    this.#server = this.#makeServer();
    this.#server6 = this.#makeServer();
  }

  #makeServer(): Server {
    const options = { maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: REQUEST_PATIENCE_MS };
    const looks = { requestTimeout: REQUEST_PATIENCE_MS, connectionsCheckingInterval: REQUEST_PATIENCE_MS / 5 };
    const server = createServer({ ...options, ...looks }, (request, response) => this.#answer(request, response));
    server.maxConnections = MAX_CONNECTIONS;
    // What is no HTTP is answered with nothing.
    server.on('clientError', (_, socket) => socket.destroy());
    server.on('connection', (socket) => {
      // Whoever says nothing at all is not waited for, either.
      const patience = setTimeout(() => socket.bytesRead === 0 && socket.destroy(), REQUEST_PATIENCE_MS).unref();
      socket.once('close', () => clearTimeout(patience));
    });
    return server;
  }

  /**
   * Listens; resolves with the address of the page.
   *
   * @param port 0: one that is free
   */
  async listen(port: number): Promise<string> {
    await listen(this.#server, port, ADDRESS);
    const { port: own } = this.#server.address() as AddressInfo;
    const ports = own === DEFAULT_PORT ? [`:${own}`, ''] : [`:${own}`];
    this.#hosts = new Set(HOSTS.flatMap((host) => ports.map((ending) => host + ending)));
    // A machine may have no such address, or the port may be somebody else's there. It is not in the address that we print.
    await listen(this.#server6, own, ADDRESS_6).catch(() => {});
    return `http://${ADDRESS}:${own}/${this.#token}/`;
  }

  close(): void {
    this.#streams.close();
    for (const server of [this.#server, this.#server6]) {
      server.close();
      server.closeAllConnections();
    }
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    const refusal = this.#refusalOf(request);
    if (refusal !== undefined) {
      refuse(response, ...refusal);
      return;
    }
    // Of our own making from here on: the token is right.
    const url = new URL(request.url!, 'http://page');
    const name = url.pathname.slice(this.#token.length + 2);
    if (name === 'buses')
      void this.#streams.list().then((buses) => send(response, 'application/json', JSON.stringify(buses)));
    else if (name === 'samples') void this.#streams.stream(url.searchParams.get('bus') ?? '', response);
    else {
      const file = this.#files.get(name === '' ? 'page.html' : name);
      if (file === undefined) refuse(response, 404, 'There is nothing here.');
      else send(response, file.type, file.content);
    }
  }

  #refusalOf({ method, headers, url = '' }: IncomingMessage): [status: number, message: string] | undefined {
    const host = headers.host?.toLowerCase() ?? '';
    if (!this.#hosts.has(host)) {
      return [403, 'This is not the address of the page. Open the one that ringcast top printed.'];
    }
    // Of another page, on whatever port: browsers say so in one way or the other.
    const site = headers['sec-fetch-site'];
    const isNavigation = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
    const isForeign = site !== undefined && site !== 'same-origin' && site !== 'none' && !isNavigation;
    if (isForeign || (headers.origin !== undefined && headers.origin !== `http://${host}`)) {
      return [403, 'Another page may not read this.'];
    }
    const [, given = '', rest] = /^\/([^/?]*)(.*)$/.exec(url) ?? [];
    if (!isSame(given, this.#token) || rest === undefined || !rest.startsWith('/')) {
      return [404, 'There is nothing here. Open the address that ringcast top printed.'];
    }
    return method === 'GET' ? undefined : [405, 'This page is read only.'];
  }
}

function listen(server: Server, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // Later ones say that a client was not let in, as where the process has no file descriptor left.
    server.on('error', reject);
    server.listen(port, address, resolve);
  });
}

/** In a time that says nothing of how much of it is right. */
function isSame(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}

function refuse(response: ServerResponse, status: number, message: string): void {
  response.statusCode = status;
  // What it still sends is not read.
  response.setHeader('Connection', 'close');
  send(response, 'text/plain', `${message}\n`);
}

function send(response: ServerResponse, type: string, content: string): void {
  response.setHeader('Content-Type', `${type}; charset=utf-8`);
  response.end(content);
}
