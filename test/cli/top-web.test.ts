import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readPageFiles } from '../../src/cli/web/page-files.js';
import { PageServer } from '../../src/cli/web/page-server.js';
import { SampleStreams } from '../../src/cli/web/sample-streams.js';
import { type Bus, createBus, type Sample } from '../../src/index.js';
import { until } from '../support/bus-scene.js';
import { sampleWith } from '../support/top-samples.js';

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

let folder: string;
let bus: Bus;
let socket: string;
let server: PageServer;
let page: URL;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rc-'));
  bus = createBus();
  bus.subscribe('/a', () => {}, { name: '<script>alert(1)</script>' });
  socket = (await bus.serveStats({ path: join(folder, '1-mine.sock') })).path;
  server = new PageServer(readPageFiles(), new SampleStreams(async () => [socket], 100));
  page = new URL(await server.listen(0));
});
after(async () => {
  server.close();
  await bus.close();
  rmSync(folder, { recursive: true });
});

function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host: page.hostname, port: page.port, path, method, headers: { host: page.host, ...headers } };
    const asked = request(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk as string;
      });
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** Opens a stream, and calls back with each event. */
function stream(onData: (text: string) => void, path = `${page.pathname}samples?bus=1-mine`): Promise<IncomingMessage> {
  return new Promise((resolve) => {
    request({ host: page.hostname, port: page.port, path, headers: { host: page.host } }, (response) => {
      response.setEncoding('utf8').on('data', onData);
      response.on('error', () => {});
      resolve(response);
    }).end();
  });
}

describe('the page of top', { timeout: 600_000 }, () => {
  test('is served on this machine alone, at an address that nobody can guess', async () => {
    assert.equal(page.hostname, '127.0.0.1');
    assert.match(page.pathname, /^\/[\w-]{32}\/$/);
    const second = new PageServer(readPageFiles(), new SampleStreams(async () => [], 100));
    assert.notEqual(new URL(await second.listen(0)).pathname, page.pathname);
    second.close();
    const found = await get(page.pathname);
    assert.deepEqual([found.status, found.headers['content-type']], [200, 'text/html; charset=utf-8']);
    assert.match(found.text, /^<!doctype html>/);
    const wrong = `${page.pathname.slice(0, -2)}${page.pathname.at(-2) === 'A' ? 'B' : 'A'}/`;
    for (const path of [
      '/',
      wrong,
      page.pathname.slice(0, -1),
      '/page.js',
      '/favicon.ico',
      '//',
      `/${page.pathname}`,
    ]) {
      const { status, text } = await get(path);
      assert.equal(status, 404, path);
      assert.doesNotMatch(text, /script|mine/);
    }
  });

  test('allows no script, style or connection but its own, and is kept by nobody', async () => {
    for (const name of ['', 'page.js', 'page.css', 'icon.svg', 'buses', 'nothing']) {
      const { headers } = await get(`${page.pathname}${name}`);
      assert.equal(
        headers['content-security-policy'],
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      );
      assert.equal(headers['cache-control'], 'no-store');
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['referrer-policy'], 'no-referrer');
      assert.equal(headers['cross-origin-resource-policy'], 'same-origin');
      assert.equal(headers['access-control-allow-origin'], undefined);
    }
  });

  test('asks for nothing from anywhere else, and has no script or style in its markup', async () => {
    const { text } = await get(page.pathname);
    const linked = [...text.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address]) => address!);
    assert.ok(linked.length >= 3);
    for (const address of linked) assert.equal((await get(`${page.pathname}${address}`)).status, 200, address);
    assert.doesNotMatch(text, /<style|style="|\son\w+="|<script(?! type="module" src="page\.js">)/);
    const script = (await get(`${page.pathname}page.js`)).text;
    assert.doesNotMatch(script, /https?:\/\/|innerHTML|insertAdjacentHTML|document\.write|eval\(/);
    assert.doesNotMatch((await get(`${page.pathname}page.css`)).text, /url\(|@import/);
  });

  test('refuses every host but its own', async () => {
    const foreign = [
      'evil.example',
      'localhost.evil.example',
      'evil.localhost',
      'localhost..',
      '.localhost',
      '0.0.0.0',
      '[::]',
    ];
    for (const host of [...foreign.flatMap((name) => [name, `${name}:${page.port}`]), `127.0.0.1:${page.port}0`]) {
      const { status, text } = await get(page.pathname, { host });
      assert.equal(status, 403, host);
      assert.match(text, /Open the one that ringcast top printed/);
    }
    for (const name of ['127.0.0.1', 'localhost', '[::1]']) {
      assert.equal((await get(page.pathname, { host: name })).status, 403, `${name} without the port`);
    }
  });

  test('is shown by every name of this machine that a browser may be given', async () => {
    for (const name of ['localhost', 'LOCALHOST', 'localhost.', '[::1]']) {
      const host = `${name}:${page.port}`;
      assert.equal((await get(page.pathname, { host })).status, 200, host);
      const own = { host, 'sec-fetch-site': 'same-origin', origin: `http://${host.toLowerCase()}` };
      assert.equal((await get(`${page.pathname}buses`, own)).status, 200, host);
    }
  });

  const hasLoopback6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));
  test('is found at ::1 too', { skip: !hasLoopback6 && 'this machine has no such address' }, async () => {
    const address = new URL(page);
    address.hostname = '[::1]';
    assert.match(await (await fetch(address)).text(), /^<!doctype html>/);
  });

  test('has the names that browsers send at the port that they omit', async (t) => {
    const usual = new PageServer(readPageFiles(), new SampleStreams(async () => [], 100));
    try {
      const address = await usual.listen(80).catch((error: Error) => t.skip(error.message));
      if (typeof address === 'string') assert.equal((await fetch(address)).status, 200);
    } finally {
      usual.close();
    }
  });

  test('refuses what other pages ask for, on this machine too, and lets a link lead to it', async () => {
    const foreign: Record<string, string>[] = [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: `http://127.0.0.1:${Number(page.port) + 1}` },
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
      { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' },
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
    ];
    for (const headers of foreign) {
      const { status, text } = await get(`${page.pathname}samples?bus=1-mine`, headers);
      assert.deepEqual([status, text], [403, 'Another page may not read this.\n'], JSON.stringify(headers));
    }
    const followed = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    assert.equal((await get(page.pathname, followed)).status, 200);
    const own = { 'sec-fetch-site': 'same-origin', origin: `http://${page.host}` };
    assert.equal((await get(`${page.pathname}buses`, own)).status, 200);
  });

  test('changes nothing: it takes GET alone', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const { status, headers } = await get(page.pathname, {}, method);
      assert.equal(status, 405, method);
      assert.equal(headers['access-control-allow-methods'], undefined);
    }
  });

  test('serves samples of the buses that it lists, and of no other path', async () => {
    assert.deepEqual(JSON.parse((await get(`${page.pathname}buses`)).text), [{ id: '1-mine' }]);
    for (const id of ['', 'other', '../1-mine', socket, '..%2f..%2fetc%2fpasswd']) {
      assert.equal((await get(`${page.pathname}samples?bus=${id}`)).status, 404, id);
    }
    const samples: Sample[] = [];
    const response = await stream((text) => {
      for (const [, data] of text.matchAll(/^data: (\{.*)$/gm)) samples.push(JSON.parse(data!) as Sample);
    });
    assert.equal(response.headers['content-type'], 'text/event-stream; charset=utf-8');
    await until(() => samples.length > 2);
    assert.deepEqual(
      samples[0]!.stats.subscriptions.map(({ name }) => name),
      ['<script>alert(1)</script>'],
    );
    response.destroy();
  });

  test('has sixteen streams at most, and room again when one ends', async () => {
    const streams = await Promise.all(Array.from({ length: 16 }, () => stream(() => {})));
    assert.ok(streams.every(({ statusCode }) => statusCode === 200));
    assert.equal((await stream(() => {})).statusCode, 503);
    streams[0]!.destroy();
    let again = await stream(() => {});
    while (again.statusCode !== 200) again = await stream(() => {});
    for (const response of [again, ...streams]) response.destroy();
  });

  test('counts a stream until its answer is over, however many come over one connection, or go while they are looked up', async () => {
    // Serves one sample, and is gone.
    const path = join(folder, '3-short.sock');
    const short = createServer((client) => {
      client.on('error', () => {});
      client.once('data', () => client.end(`${JSON.stringify(sampleWith([]))}\n`));
    }).listen(path);
    await once(short, 'listening');
    const streams = new PageServer(readPageFiles(), new SampleStreams(async () => [path], 100));
    const address = new URL(await streams.listen(0));
    const target = `${address.pathname}samples?bus=3-short`;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const asked = { host: address.hostname, port: address.port, headers: { host: address.host }, agent, path: target };
    // The browser asks for the next one on the same connection.
    for (let round = 0; round < 40; round++) {
      // Whoever goes away before it is answered.
      const early = connect(Number(address.port), address.hostname);
      early.on('error', () => {});
      early.end(`GET ${target} HTTP/1.1\r\nhost: ${address.host}\r\n\r\n`, () => early.destroy());
      const status = await new Promise((resolve, reject) => {
        const asking = request(asked, (response) => {
          response.resume().on('end', () => resolve(response.statusCode));
        });
        asking.on('error', reject).end();
      });
      assert.equal(status, 200, `${round}`);
    }
    agent.destroy();
    streams.close();
    short.close();
  });

  test('ends half a request, and has nothing by the names of what objects inherit', async () => {
    for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
      assert.equal((await get(`${page.pathname}${name}`)).status, 404, name);
    }
    const half = connect(Number(page.port), page.hostname);
    half.on('error', () => {});
    half.write(`GET ${page.pathname} HTTP/1.1\r\nhost: ${page.host}\r\n`);
    half.resume();
    await once(half, 'close');
  });

  test('lets a stream that nobody reads miss samples', async () => {
    const heard: string[] = [];
    const sent: string[] = [];
    const fake = {
      writableLength: 0,
      write: (text: string) => sent.push(text),
      writeHead() {},
      end() {},
      destroy() {},
      once: (event: string, act: () => void) => gone.set(event, act),
    };
    const gone = new Map<string, () => void>();
    const streams = new SampleStreams(async () => [socket], 100);
    await streams.stream('1-mine', fake as never);
    const reading = await stream((text) => heard.push(text));
    await until(() => sent.length > 2);
    fake.writableLength = 1;
    const [before, heardBefore] = [sent.length, heard.length];
    await until(() => heard.length > heardBefore + 3);
    assert.equal(sent.length, before);
    gone.get('close')!();
    streams.close();
    reading.destroy();
  });

  test('ends connections that say nothing sensible, and goes on', async () => {
    const garbage = ['hello\r\n\r\n', '\0\xff\x16\x03\x01', `GET / HTTP/1.1\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`];
    for (const text of garbage) {
      const socket = connect(Number(page.port), page.hostname);
      socket.on('error', () => {});
      socket.end(text);
      socket.resume();
      await once(socket, 'close');
    }
    // More than may be connected, and none of them asks: whoever is one too many is closed.
    const silent: Socket[] = [];
    let closed = 0;
    for (let i = 0; i < 100; i++) {
      const socket = connect(Number(page.port), page.hostname);
      socket.on('error', () => {});
      socket.on('close', () => closed++);
      silent.push(socket);
    }
    await until(() => closed >= 100 - 64);
    for (const socket of silent) socket.destroy();
    let answer: Answer | undefined;
    while (answer === undefined) answer = await get(page.pathname).catch(() => undefined);
    assert.equal(answer.status, 200);
  });

  test('says that a bus is gone', async () => {
    const short = createBus();
    const { path } = await short.serveStats({ path: join(folder, '2-short.sock') });
    const streams = new PageServer(readPageFiles(), new SampleStreams(async () => [path], 100));
    const address = new URL(await streams.listen(0));
    const heard: string[] = [];
    const asked = { host: address.hostname, port: address.port, headers: { host: address.host } };
    const ended = new Promise<void>((resolve) => {
      request({ ...asked, path: `${address.pathname}samples?bus=2-short` }, (response) => {
        response.setEncoding('utf8').on('data', (text) => heard.push(text as string));
        response.on('end', resolve);
      }).end();
    });
    await until(() => heard.some((text) => text.includes('data: {')));
    await short.close();
    await ended;
    assert.match(heard.at(-1)!, /^event: gone$/m);
    streams.close();
  });
});

describe('ringcast top --web', { timeout: 600_000 }, () => {
  const command = fileURLToPath(new URL('../../lib/cli.js', import.meta.url));

  test('prints the address, serves there until it is told to end, and ends with 0', async () => {
    const child: ChildProcess = spawn(process.execPath, [command, 'top', socket, '--web'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [data] = (await once(child.stdout!, 'data')) as [Buffer];
    const address = new URL(data.toString().trim());
    assert.match(await (await fetch(address)).text(), /<h1>ringcast<\/h1>/);
    const streaming = await fetch(new URL('samples?bus=1-mine', address));
    await streaming.body!.getReader().read();
    child.kill('SIGTERM');
    const [code] = (await once(child, 'exit')) as [number];
    assert.equal(code, 0);
  });
});
