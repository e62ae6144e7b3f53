/** Events that come in by a socket. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { publishTo, type ServeEventsOptions, serveEvents, TtrpcClient } from '../../../src/bridges/ttrpc/index.js';
import { EVENTS_SERVICE, encodeForward, FORWARD } from '../../../src/bridges/ttrpc/shim-events.js';
import { type Bus, type BusOptions, createBus, type Envelope } from '../../../src/index.js';
import { assertHas } from '../../support/assert-has.js';
import { idOf, LARGE_TEXT, Latch, range, SMALL_RING_BYTES, until } from '../../support/bus-scene.js';
import { envelopeWith } from '../../support/envelope-bytes.js';
import { size } from '../../support/full.js';
import { RawClient } from '../../support/raw-ttrpc.js';
import { runCommand } from '../../support/run-command.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const run = promisify(execFile);
/** The header of a request of 5 MiB, which is more than a server takes. */
const TOO_LARGE = Buffer.from([0, 0x50, 0, 0, 0, 0, 0, 1, 1, 0]);

async function scene(t: TestContext, options: Partial<ServeEventsOptions> = {}, busOptions: BusOptions = {}) {
  const directory = await temporaryDirectory(t);
  const address = join(directory, 'events.ttrpc');
  const bus = createBus(busOptions);
  const server = await serveEvents(bus, { address, ...options });
  const client = new TtrpcClient(address);
  const forward = (envelope: Uint8Array) => client.call(EVENTS_SERVICE, FORWARD, encodeForward(envelope));
  t.after(async () => {
    client.close();
    await server.close();
    bus.destroy();
  });
  return { directory, address, bus, server, client, forward };
}

function collect(bus: Bus, filter = '/**'): Envelope[] {
  const got: Envelope[] = [];
  bus.subscribe(filter, (envelope) => {
    // What the bus tells of its bridges is not meant.
    if (!envelope.topic.startsWith('/ringcast/')) got.push(envelope);
  });
  return got;
}

describe('serveEvents', { timeout: 600_000 }, () => {
  test('puts what a Python program publishes on the bus, with its own time and namespace', async (t) => {
    const { address, bus, server } = await scene(t);
    const got = collect(bus);
    const { stdout } = await run('python3', ['test/fixtures/ttrpc/publish.py', address, '100']);
    assert.equal(stdout, 'published 100\n');
    await until(() => got.length === 100);
    for (const [index, { topic, namespace, typeUrl, payload }] of got.entries()) {
      assert.deepEqual([topic, namespace, typeUrl], ['/python/event', 'python', 'python.Event']);
      assert.equal(Buffer.from(payload).toString(), `event ${index}`);
    }
    assert.equal(server.stats().accepted, 100);
    await assert.rejects(run('python3', ['test/fixtures/ttrpc/publish.py', address, '1', 'no-topic']), /refused/);
    assert.equal(server.stats().refused, 1);
  });

  test('takes events of another Node process, and is a bridge of its bus', async (t) => {
    const { address, bus, server } = await scene(t);
    const got = collect(bus);
    await using publisher = publishTo(`unix://${address}`, { namespace: 'mine' });
    for (const id of range(50)) await publisher.publish('/a', { id });
    await publisher.publish('/b', { id: 50 }, { namespace: 'other' });
    await publisher.forward(got[0]!.toBinary());
    await until(() => got.length === 51);
    assert.deepEqual(got.map(idOf), range(51));
    assert.deepEqual([got[0]!.namespace, got[50]!.namespace, got[50]!.topic], ['mine', 'other', '/b']);
    assert.equal(server.stats().repeated, 1);
    assertHas(bus.stats().bridges, [{ name: 'ttrpc', state: 'connected', counts: { accepted: 51 } }]);
    await assert.rejects(publisher.publish('not a topic', {}), { code: 'BRIDGE_CALL_FAILED', status: 3 });
  });

  test('keeps the order of calls that were made without waiting', async (t) => {
    const { bus, forward } = await scene(t, {}, { capacityBytes: SMALL_RING_BYTES });
    const got: number[] = [];
    bus.subscribe('/a', async (envelope) => {
      got.push(envelope.payload.length);
      await new Promise((resolve) => setImmediate(resolve));
    });
    const envelopes = range(500).map((id) =>
      envelopeWith({
        timestamp: { seconds: 1, nanos: id },
        namespace: 'a',
        topic: '/a',
        event: { typeUrl: 'x', value: Buffer.alloc(id + 1) },
      }),
    );
    await Promise.all(envelopes.map(forward));
    await until(() => got.length === 500);
    assert.deepEqual(
      got,
      range(500).map((id) => id + 1),
    );
  });

  test('answers what comes again, and puts it on the bus once; two events that differ in anything are two', async (t) => {
    const { bus, server, forward } = await scene(t);
    const got = collect(bus);
    const fields = {
      timestamp: { seconds: 1, nanos: 2 },
      namespace: 'n',
      topic: '/a',
      event: { typeUrl: 'x', value: Buffer.from('1') },
    };
    const distinct = [
      fields,
      { ...fields, timestamp: { seconds: 1, nanos: 3 } },
      { ...fields, namespace: 'm' },
      { ...fields, topic: '/b' },
      { ...fields, event: { typeUrl: 'x', value: Buffer.from('2') } },
      { ...fields, event: { typeUrl: 'y', value: Buffer.from('1') } },
    ].map(envelopeWith);
    for (let round = 0; round < 3; round++) for (const envelope of distinct) await forward(envelope);
    await Promise.all(distinct.map(forward));
    // The same fields in another order are the same event.
    const [first] = distinct;
    const timestamp = first!.subarray(0, first![1]! + 2);
    await forward(Buffer.concat([first!.subarray(timestamp.length), timestamp]));
    await until(() => got.length === 6);
    assertHas(server.stats(), { calls: 25, accepted: 6, repeated: 19 });
  });

  test('refuses what is no event with a status, and tells what is wrong with it', async (t) => {
    const { bus, client, forward } = await scene(t, {}, { capacityBytes: SMALL_RING_BYTES });
    const fields = {
      timestamp: { seconds: 1, nanos: 2 },
      namespace: 'n',
      topic: '/a',
      event: { typeUrl: 'x', value: Buffer.alloc(0) },
    };
    const large = { ...fields, event: { typeUrl: 'x', value: Buffer.alloc(SMALL_RING_BYTES / 4) } };
    const cases: [Promise<unknown>, number][] = [
      [client.call(EVENTS_SERVICE, FORWARD, Buffer.alloc(0)), 3],
      [client.call(EVENTS_SERVICE, FORWARD, Buffer.from([0xff])), 3],
      [forward(Buffer.from([0xff, 0xff])), 3],
      [forward(Buffer.alloc(0)), 3],
      [forward(envelopeWith({ ...fields, event: undefined })), 3],
      [forward(envelopeWith({ ...fields, timestamp: undefined })), 3],
      [forward(envelopeWith({ ...fields, topic: 'a' })), 3],
      [forward(envelopeWith({ ...fields, namespace: '' })), 3],
      [forward(envelopeWith({ ...fields, topic: '/ringcast/dead-letter' })), 3],
      [forward(envelopeWith(large)), 8],
    ];
    bus.subscribe('/**', () => {});
    for (const [call, status] of cases) await assert.rejects(call, { code: 'BRIDGE_CALL_FAILED', status });
    assert.equal(bus.stats().published, 0);
  });

  test('waits for room while the bus is full, says 14 after 4 s, and takes what is tried again, once', async (t) => {
    const { address, bus, server, forward } = await scene(
      t,
      {},
      { capacityBytes: SMALL_RING_BYTES, maxPendingBytes: 0 },
    );
    const latch = new Latch();
    const got: string[] = [];
    bus.subscribe('/**', (envelope) => {
      got.push(envelope.topic);
      return latch.opened;
    });
    while (bus.tryPublish('/fill', { text: LARGE_TEXT }));
    const fields = { namespace: 'n', topic: '/a', event: { typeUrl: 'x', value: Buffer.alloc(7_500) } };
    const one = envelopeWith({ ...fields, timestamp: { seconds: 1, nanos: 1 } });
    const answers = await Promise.allSettled([forward(one), forward(one)]);
    for (const answer of answers) {
      assert.equal(answer.status, 'rejected');
      assertHas(answer.reason, { code: 'BRIDGE_CALL_FAILED', status: 14 });
    }
    assert.equal(server.stats().full, 2);
    await using publisher = publishTo(address, { timeoutMs: 60_000 });
    const published = publisher.forward(one);
    await until(() => server.stats().calls === 3);
    latch.open();
    await published;
    await forward(one);
    await until(() => got.includes('/a'));
    assert.equal(got.filter((topic) => topic === '/a').length, 1);
  });

  test('passes events on to the next server, and what that one refuses comes again without coming twice', async (t) => {
    const next = await scene(t);
    const { bus, server, forward } = await scene(t, { forwardTo: next.address });
    const [here, there] = [collect(bus, '/a'), collect(next.bus, '/a')];
    const fields = { namespace: 'n', topic: '/a', event: { typeUrl: 'x', value: Buffer.alloc(1) } };
    const envelopes = range(3).map((id) => envelopeWith({ ...fields, timestamp: { seconds: 1, nanos: id } }));
    await forward(envelopes[0]!);
    await until(() => there.length === 1);
    await next.server.close();
    await assert.rejects(forward(envelopes[1]!), { code: 'BRIDGE_CALL_FAILED', status: 14 });
    await until(() => here.length === 2);
    const again = await serveEvents(next.bus, { address: next.address });
    await forward(envelopes[1]!);
    await forward(envelopes[2]!);
    await until(() => there.length === 3 && here.length === 3);
    assert.equal(server.stats().passedOn, 3);
    await again.close();
  });

  test('events keep their traces, also to the next server; a trace that is none is none', async (t) => {
    const next = await scene(t);
    const { bus, address } = await scene(t, { forwardTo: next.address });
    const [here, there] = [collect(bus, '/a'), collect(next.bus, '/a')];
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await using publisher = publishTo(address);
    await publisher.publish('/a', {}, { traceparent });
    await publisher.publish('/a', {});
    await publisher.forward(envelopeWith({ topic: '/a', namespace: 'n', timestamp: { seconds: 1, nanos: 1 } }), {
      traceparent,
    });
    const wrong = traceparent.toUpperCase();
    await assert.rejects(publisher.publish('/a', {}, { traceparent: wrong }), { code: 'BUS_INVALID_TRACEPARENT' });
    const client = new TtrpcClient(address);
    t.after(() => client.close());
    const later = envelopeWith({ topic: '/a', namespace: 'n', timestamp: { seconds: 2, nanos: 1 } });
    await client.call(EVENTS_SERVICE, FORWARD, encodeForward(later), {
      timeoutMs: 60_000,
      metadata: new Map([['traceparent', wrong]]),
    });
    await until(() => here.length === 4 && there.length === 4);
    for (const got of [here, there])
      assert.deepEqual(
        got.map((envelope) => envelope.traceparent),
        [traceparent, undefined, traceparent, undefined],
      );
  });

  test('makes its socket for its owner alone, and removes it at the end', async (t) => {
    const { address, server } = await scene(t);
    assert.equal(statSync(address).mode & 0o777, 0o600);
    await server.close();
    assert.ok(!existsSync(address));
    const other = await scene(t, { mode: 0o660 });
    assert.equal(statSync(other.address).mode & 0o777, 0o660);
    await other.bus.close();
    assert.ok(!existsSync(other.address), 'it is closed with its bus');
  });

  test('ends when its signal is aborted', async (t) => {
    const abort = new AbortController();
    const { address, bus } = await scene(t, { signal: abort.signal });
    abort.abort();
    await until(() => !existsSync(address) && bus.stats().bridges.length === 0);
  });

  test('replaces a socket that nobody serves, and leaves everything else where it is', async (t) => {
    const { directory, address, bus } = await scene(t);
    await assert.rejects(serveEvents(bus, { address, name: 'second' }), { code: 'BRIDGE_ADDRESS_IN_USE', address });
    const file = join(directory, 'file');
    writeFileSync(file, 'kept');
    await assert.rejects(serveEvents(bus, { address: file, name: 'second' }), { code: 'BRIDGE_ADDRESS_IN_USE' });
    assert.equal(readFileSync(file, 'utf8'), 'kept');
    // A process that was killed leaves its socket behind.
    const stale = join(directory, 'stale');
    const leave = `require('net').createServer().listen(${JSON.stringify(stale)}, () => process.kill(process.pid, 'SIGKILL'))`;
    await run(process.execPath, ['-e', leave]).catch(() => {});
    assert.ok(statSync(stale).isSocket());
    const server = await serveEvents(bus, { address: stale, name: 'second' });
    await publishTo(stale).publish('/a', {});
    await server.close();
  });

  test('does not remove the socket of a server that took its place', async (t) => {
    const { address, server } = await scene(t);
    chmodSync(address, 0o600);
    const other = createServer();
    await run('rm', [address]);
    await new Promise<void>((resolve) => other.listen(address, resolve));
    await server.close();
    assert.ok(existsSync(address));
    await new Promise((resolve) => other.close(resolve));
  });

  test('refuses options that make no sense, and leaves no bridge behind', async (t) => {
    const { directory, bus } = await scene(t);
    const address = join(directory, 'other');
    for (const [options, code] of [
      [{ address: '' }, 'BUS_INVALID_OPTION'],
      [{ address: 'x'.repeat(200) }, 'BUS_INVALID_OPTION'],
      [{ address, mode: 0o1777 }, 'BUS_INVALID_OPTION'],
      [{ address, maxConnections: 0 }, 'BUS_INVALID_OPTION'],
      [{ address, forwardTo: '' }, 'BUS_INVALID_OPTION'],
      [{ address, name: 'ttrpc' }, 'BUS_INVALID_OPTION'],
      [{ address, name: 'a/b' }, 'BUS_INVALID_OPTION'],
      [{ address, port: 1 }, 'BUS_UNKNOWN_OPTION'],
    ] as const) {
      await assert.rejects(serveEvents(bus, { name: 'other', ...options } as ServeEventsOptions), { code });
    }
    assert.equal(bus.stats().bridges.length, 1);
  });

  test('serves its clients while others send garbage, half frames, and come in thousands', async (t) => {
    const { address, bus, server } = await scene(t, { maxConnections: 100 });
    const got = collect(bus);
    await using publisher = publishTo(address, { timeoutMs: 55_000 });
    await publisher.publish('/a', { id: 0 });
    const count = size(1_000, 10_000);
    let ended = 0;
    for (const id of range(count)) {
      const socket = connect(address);
      socket.on('error', () => {});
      socket.on('close', () => ended++);
      // What looks like the beginning of a large request is answered, and a socket with an answer that nobody reads does not close.
      socket.resume();
      socket.on('connect', () => {
        if (id === 0) socket.end(Buffer.concat([TOO_LARGE, randomBytes(90)]));
        else if (id % 3 === 0) socket.end(randomBytes(100));
        else if (id % 3 === 1) socket.end(Buffer.from([0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 7]));
        else socket.destroy();
      });
      if (id % 50 === 0) await publisher.publish('/a', { id });
    }
    await until(() => ended === count);
    await publisher.publish('/a', { id: -1 });
    await until(() => idOf(got.at(-1)!) === -1);
    await until(() => server.stats().connections === 1);
    const raw = await RawClient.connect(address);
    raw.socket.destroy();
  });
});

describe('ringcast shim-wrapper', { timeout: 600_000 }, () => {
  test('writes two lines that run the shim with the address in its environment', async (t) => {
    const directory = await temporaryDirectory(t);
    const out = join(directory, 'containerd-shim-ringcast-v1');
    const shim = join(directory, "it's a shim");
    writeFileSync(shim, '#!/bin/sh\necho "$TTRPC_ADDRESS" "$@"\n', { mode: 0o755 });
    const result = await runCommand(['shim-wrapper', '--out', out, '--address', "/run/it's/a.ttrpc", '--shim', shim]);
    assert.deepEqual(result, { exitCode: 0, stdout: '', stderr: '' });
    assert.equal(readFileSync(out, 'utf8').split('\n').length, 3);
    const { stdout } = await run(out, ['-id', 'a b', 'start']);
    assert.equal(stdout, "/run/it's/a.ttrpc -id a b start\n");
  });

  test('says what is missing', async () => {
    for (const args of [[], ['--out', 'x'], ['--address', '/x'], ['--out', 'x', '--address', 'relative']]) {
      const { exitCode, stderr } = await runCommand(['shim-wrapper', ...args]);
      assert.equal(exitCode, 2);
      assert.match(stderr, /--address/);
    }
  });
});
