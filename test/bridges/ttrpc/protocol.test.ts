/** The ttrpc server and client: calls, streams, and peers that do not keep to the protocol. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { encodeFrame } from '../../../src/bridges/ttrpc/frame.js';
import {
  TtrpcClient,
  TtrpcServer,
  type TtrpcServerOptions,
  type TtrpcServices,
  TtrpcStatus,
} from '../../../src/bridges/ttrpc/index.js';
import { encodeRequest, encodeResponse } from '../../../src/bridges/ttrpc/message.js';
import { assertHas } from '../../support/assert-has.js';
import { Latch, range, until } from '../../support/bus-scene.js';
import { RawClient } from '../../support/raw-ttrpc.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const OPTIONS = { mode: 0o600, maxConnections: 100 };
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

async function serve(t: TestContext, services: TtrpcServices, options: Partial<TtrpcServerOptions> = {}) {
  const address = join(await temporaryDirectory(t), 's');
  const server = await TtrpcServer.listen(services, { address, ...OPTIONS, ...options });
  const client = new TtrpcClient(address);
  t.after(async () => {
    client.close();
    await server.close();
  });
  return { address, server, client };
}

const ECHO: TtrpcServices = { test: { Echo: { unary: ({ payload }) => payload } } };

/** A server that does as it is told with each connection. */
async function serveRaw(t: TestContext, act: (socket: Socket) => void): Promise<TtrpcClient> {
  const address = join(await temporaryDirectory(t), 's');
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    act(socket);
  }).listen(address);
  await once(server, 'listening');
  const client = new TtrpcClient(address);
  t.after(() => {
    client.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return client;
}

describe('a ttrpc server', { timeout: 600_000 }, () => {
  test('answers calls, each with its own answer, in whatever order they are ready', async (t) => {
    const latches = range(20).map(() => new Latch());
    const { client } = await serve(t, {
      test: {
        Wait: {
          async unary({ payload }) {
            await latches[Number(text(payload))]!.opened;
            return payload;
          },
        },
      },
    });
    const answers: string[] = [];
    const calls = range(20).map(async (id) =>
      answers.push(text(await client.call('test', 'Wait', Buffer.from(`${id}`)))),
    );
    for (const id of range(20).reverse()) {
      latches[id]!.open();
      await until(() => answers.length === 20 - id);
    }
    await Promise.all(calls);
    assert.deepEqual(answers.map(Number), range(20).reverse());
  });

  test('tells methods what the caller said: payload, time to wait, metadata', async (t) => {
    const said: unknown[] = [];
    const { client } = await serve(t, {
      test: {
        Say: {
          unary({ payload, timeoutMs, metadata }) {
            said.push([text(payload), timeoutMs, [...metadata]]);
            return payload;
          },
        },
      },
    });
    await client.call('test', 'Say', Buffer.from('x'), { timeoutMs: 60_000, metadata: new Map([['a', 'b']]) });
    await client.call('test', 'Say', Buffer.alloc(0));
    assert.deepEqual(said, [
      ['x', 60_000, [['a', 'b']]],
      ['', undefined, []],
    ]);
  });

  test('answers with the status of what a method throws, and says what it does not offer', async (t) => {
    const { client } = await serve(t, {
      test: {
        Refuse: {
          unary() {
            throw new TtrpcStatus(9, 'not now');
          },
        },
        Fail: { unary: () => Promise.reject(new Error('broken')) },
      },
    });
    for (const [service, method, status, reason] of [
      ['test', 'Refuse', 9, /not now/],
      ['test', 'Fail', 2, /broken/],
      ['test', 'toString', 12, /test\/toString/],
      ['constructor', 'name', 12, /constructor\/name/],
    ] as const) {
      await assert.rejects(client.call(service, method, Buffer.alloc(0)), (error: Error) => {
        assertHas(error, { code: 'BRIDGE_CALL_FAILED', status });
        return reason.test(error.message);
      });
    }
  });

  test('streams messages, and ends the stream with what the method throws', async (t) => {
    const { client } = await serve(t, {
      test: {
        Count: {
          async *serverStream({ payload }) {
            for (const id of range(Number(text(payload)))) yield Buffer.from(`${id}`);
            if (payload.length > 2) throw new TtrpcStatus(8, 'enough');
          },
        },
      },
    });
    const read = async (count: number): Promise<number[]> => {
      const got: number[] = [];
      for await (const message of client.stream('test', 'Count', Buffer.from(`${count}`)))
        got.push(Number(text(message)));
      return got;
    };
    assert.deepEqual(await Promise.all([read(0), read(3), read(99)]), [[], range(3), range(99)]);
    await assert.rejects(read(1_000), { code: 'BRIDGE_CALL_FAILED', status: 8 });
  });

  test('makes no more messages than a client takes that does not read', async (t) => {
    let made = 0;
    let aborted = false;
    const { address } = await serve(t, {
      test: {
        Flood: {
          async *serverStream({ signal }) {
            signal.addEventListener('abort', () => {
              aborted = true;
            });
            for (;;) {
              made++;
              yield Buffer.alloc(100_000);
            }
          },
        },
        Echo: { unary: ({ payload }) => payload },
      },
    });
    const raw = await RawClient.connect(address);
    raw.socket.pause();
    raw.request(1, 'test', 'Flood', Buffer.alloc(0), 1);
    // It stands still when nothing more is made in many turns of the loop.
    for (let still = 0, before = -1; still < 50; still++, before = made) {
      await new Promise((resolve) => setImmediate(resolve));
      if (made !== before) still = 0;
    }
    assert.ok(made > 0 && made < 100, `${made} messages of 100 kB`);
    // Others are served meanwhile.
    const other = await RawClient.connect(address);
    other.request(1, 'test', 'Echo', Buffer.from('x'));
    assert.deepEqual(await other.response(), [1, 0, 'x']);
    raw.socket.destroy();
    await until(() => aborted);
    other.socket.destroy();
  });

  test('has 64 calls of a connection in hand at most, and answers the others after them', async (t) => {
    const latch = new Latch();
    let running = 0;
    let most = 0;
    const { address } = await serve(t, {
      test: {
        Wait: {
          async unary({ payload }) {
            most = Math.max(most, ++running);
            await latch.opened;
            running--;
            return payload;
          },
        },
      },
    });
    const raw = await RawClient.connect(address);
    for (const id of range(1_000)) raw.request(2 * id + 1, 'test', 'Wait', Buffer.from(`${id}`));
    await until(() => running === 64);
    latch.open();
    for (const id of range(1_000)) assert.deepEqual(await raw.response(), [2 * id + 1, 0, `${id}`]);
    assert.equal(most, 64);
    raw.socket.destroy();
  });

  test('answers a client that has ended its side', async (t) => {
    const { address } = await serve(t, ECHO);
    const raw = await RawClient.connect(address);
    for (const id of range(200)) raw.request(2 * id + 1, 'test', 'Echo', Buffer.from(`${id}`));
    raw.socket.end();
    for (const id of range(200)) assert.deepEqual(await raw.response(), [2 * id + 1, 0, `${id}`]);
    assert.equal(await raw.frame(), undefined);
  });

  test('answers what is wrong on its stream, and the next call as ever', async (t) => {
    const { address } = await serve(t, ECHO);
    const raw = await RawClient.connect(address);
    const answers = async (streamId: number, status: number): Promise<void> => {
      const [id, got] = await raw.response();
      assert.deepEqual([id, got], [streamId, status]);
    };
    raw.request(2, 'test', 'Echo', Buffer.from('even'));
    await answers(2, 3);
    raw.request(5, 'test', 'Echo', Buffer.from('first'));
    await answers(5, 0);
    raw.request(5, 'test', 'Echo', Buffer.from('again'));
    await answers(5, 3);
    raw.request(3, 'test', 'Echo', Buffer.from('smaller'));
    await answers(3, 3);
    raw.socket.write(encodeFrame(7, 1, 0, Buffer.from([0xff, 0xff, 0xff])));
    await answers(7, 3);
    raw.socket.write(encodeFrame(9, 1, 0, Buffer.alloc(4 * 2 ** 20 + 1)));
    await answers(9, 8);
    // Types that nobody knows, and data of no stream, are ignored.
    raw.socket.write(encodeFrame(11, 77, 255, Buffer.from('?')));
    raw.socket.write(encodeFrame(11, 3, 1, Buffer.from('?')));
    raw.request(11, 'test', 'Echo', Buffer.from('last'));
    assert.deepEqual(await raw.response(), [11, 0, 'last']);
    raw.socket.destroy();
  });

  test('ends a connection on which something else is spoken, and serves the others', async (t) => {
    const { address, server, client } = await serve(t, ECHO);
    const raw = await RawClient.connect(address);
    raw.socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    assert.equal(await raw.frame(), undefined);
    assert.equal(text(await client.call('test', 'Echo', Buffer.from('x'))), 'x');
    assert.equal(server.stats().malformed, 1);
  });

  test('holds 64 MiB at most of frames that are not complete, however many clients begin one', async (t) => {
    const { address, server, client } = await serve(t, ECHO);
    const half = encodeFrame(1, 1, 0, Buffer.alloc(4 * 2 ** 20)).subarray(0, 4 * 2 ** 20);
    const raws = await Promise.all(range(40).map(() => RawClient.connect(address)));
    for (const raw of raws) raw.socket.write(half);
    // Sixteen of them fit; what the others have sent has to be let go.
    await until(() => server.stats().malformed >= 24);
    for (const raw of raws) raw.socket.destroy();
    await until(() => server.stats().connections === 0);
    assert.equal(text(await client.call('test', 'Echo', Buffer.from('x'))), 'x');
  });

  test('closes connections that begin a frame and never end it, and leaves those that are idle', async (t) => {
    const { address, server, client } = await serve(t, ECHO, { frameTimeoutMs: 100 });
    const echo = async (): Promise<string> => text(await client.call('test', 'Echo', Buffer.from('x')));
    assert.equal(await echo(), 'x');
    const raws = await Promise.all(range(99).map(() => RawClient.connect(address)));
    const request = { service: 'test', method: 'Echo', payload: Buffer.from('y') };
    const whole = encodeFrame(1, 1, 0, encodeRequest({ ...request, timeoutMs: undefined, metadata: new Map() }));
    raws.forEach(({ socket }, index) => {
      // Half a header, a header alone, a whole frame and half of the next.
      socket.write(
        [whole.subarray(0, 5), whole.subarray(0, 10), Buffer.concat([whole, whole.subarray(0, 20)])][index % 3]!,
      );
    });
    // Whoever is waited for has ended; the answers come before.
    for (const [index, raw] of raws.entries()) {
      if (index % 3 === 2) assert.deepEqual(await raw.response(), [1, 0, 'y']);
      assert.equal(await raw.frame(), undefined);
    }
    await until(() => server.stats().connections === 1);
    assert.equal(server.stats().malformed, 99);
    assert.equal(await echo(), 'x');
  });

  test('closes connections that are too many, and takes others when those are gone', async (t) => {
    const { address, server } = await serve(t, ECHO);
    const raws = await Promise.all(range(150).map(() => RawClient.connect(address)));
    await until(() => server.stats().refused === 50);
    assert.equal(server.stats().connections, 100);
    for (const raw of raws) raw.socket.destroy();
    await until(() => server.stats().connections === 0);
    const raw = await RawClient.connect(address);
    raw.request(1, 'test', 'Echo', Buffer.from('x'));
    assert.deepEqual(await raw.response(), [1, 0, 'x']);
    raw.socket.destroy();
  });

  test('answers the calls in hand when it closes, and none that come later', async (t) => {
    const [arrived, latch] = [new Latch(), new Latch()];
    const { client, server } = await serve(t, {
      test: {
        Wait: {
          async unary({ payload }) {
            arrived.open();
            await latch.opened;
            return payload;
          },
        },
      },
    });
    const call = client.call('test', 'Wait', Buffer.from('x'));
    await arrived.opened;
    const closed = server.close();
    latch.open();
    assert.equal(text(await call), 'x');
    await closed;
    await assert.rejects(client.call('test', 'Wait', Buffer.from('y')), { code: 'BRIDGE_CONNECTION_LOST' });
  });
});

describe('a ttrpc client', { timeout: 600_000 }, () => {
  test('gives up a call when its time is over, and ignores the answer that comes later', async (t) => {
    let socket: Socket | undefined;
    const client = await serveRaw(t, (one) => {
      socket = one;
    });
    const late = client.call('a', 'b', Buffer.alloc(0), { timeoutMs: 20 });
    await assert.rejects(late, { code: 'BRIDGE_CALL_TIMEOUT', method: 'a/b', timeoutMs: 20 });
    const next = client.call('a', 'b', Buffer.alloc(0));
    // Its time may have been over before the server had the connection.
    await until(() => socket !== undefined);
    const answer = (id: number, payload: string): Buffer =>
      encodeFrame(id, 2, 0, encodeResponse({ status: 0, message: '', payload: Buffer.from(payload) }));
    socket!.write(Buffer.concat([answer(1, 'late'), answer(77, 'nobody asked'), answer(3, 'in time')]));
    assert.equal(text(await next), 'in time');
  });

  test('says so when a server answers nonsense, with an error that has a code', async (t) => {
    const response = (data: Buffer): Buffer => encodeFrame(1, 2, 0, data);
    for (const bytes of [
      Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
      response(Buffer.from([0xff, 0xff, 0xff])),
      response(Buffer.alloc(4 * 2 ** 20 + 1)),
    ]) {
      const client = await serveRaw(t, (socket) => {
        socket.once('data', () => socket.write(bytes));
      });
      await assert.rejects(client.call('a', 'b', Buffer.alloc(0)), { code: 'BRIDGE_PROTOCOL' });
    }
  });

  test('fails what waits when the connection is lost, and connects again for the next call', async (t) => {
    let connections = 0;
    const client = await serveRaw(t, (socket) => {
      connections++;
      socket.once('data', () =>
        connections === 1 ? socket.destroy() : socket.write(encodeFrame(1, 2, 0, Buffer.alloc(0))),
      );
    });
    await assert.rejects(client.call('a', 'b', Buffer.alloc(0)), { code: 'BRIDGE_CONNECTION_LOST' });
    assert.equal((await client.call('a', 'b', Buffer.alloc(0))).length, 0);
    assert.equal(connections, 2);
    client.close();
    await assert.rejects(client.call('a', 'b', Buffer.alloc(0)), { code: 'BRIDGE_CLOSED' });
  });

  test('keeps 1,024 calls, and refuses one more', async (t) => {
    const client = await serveRaw(t, () => {});
    const calls = range(1_024).map(() => client.call('a', 'b', Buffer.alloc(0)));
    await assert.rejects(client.call('a', 'b', Buffer.alloc(0)), { code: 'BRIDGE_TOO_MANY_CALLS', maxCalls: 1_024 });
    client.close();
    for (const call of await Promise.allSettled(calls)) assert.equal(call.status, 'rejected');
  });

  test('does not read on while a stream of its own is not read', async (t) => {
    let sent = 0;
    let socket!: Socket;
    const client = await serveRaw(t, (one) => {
      socket = one;
      const send = (): void => {
        do sent++;
        while (socket.write(encodeFrame(1, 3, 0, Buffer.alloc(100_000))));
      };
      one.once('data', send);
      one.on('drain', send);
    });
    const stream = client.stream('a', 'b', Buffer.alloc(0));
    assert.equal((await stream.next()).value!.length, 100_000);
    for (let still = 0, before = -1; still < 50; still++, before = sent) {
      await new Promise((resolve) => setImmediate(resolve));
      if (sent !== before) still = 0;
    }
    assert.ok(sent < 200, `${sent} messages of 100 kB`);
    for (const _ of range(500)) assert.equal((await stream.next()).value!.length, 100_000);
    await stream.return();
  });

  test('refuses what is no address', () => {
    for (const address of ['', 'unix://', 'a\0b', 'x'.repeat(108), 7, undefined])
      assert.throws(() => new TtrpcClient(address as string), { code: 'BUS_INVALID_OPTION' });
  });
});
