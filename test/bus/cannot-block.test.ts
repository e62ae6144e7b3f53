/** Hosts that do not let a thread block: there `Atomics.wait` throws. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BusError, createBus } from '../../src/index.js';
import { inlineModule } from '../support/bus-scene.js';
import { runProgram } from '../support/child-process.js';

/** Fills the ring behind a thread, calls `publishSync`, and goes on with everything else. */
const SCENE = `
  const gate = new Int32Array(new SharedArrayBuffer(8));
  const bus = createBus({ capacityBytes: 65_536 });
  // Polls: it may be forbidden to block, too.
  const reader = bus.subscribe('/a', new URL('data:text/javascript,' + encodeURIComponent(\`
    export default async (envelope, { data }) => {
      while (Atomics.load(data, 0) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      Atomics.add(data, 1, 1);
    }\`)), { data: gate });
  await reader.ready;
  const event = { text: 'x'.repeat(7_000) };
  let accepted = 0;
  do accepted++; while (bus.publish('/a', event));
  const writable = bus.writable();
  let drains = 0;
  bus.on('drain', () => drains++);
  await new Promise(setImmediate);
  forbid();
  const codes = [];
  for (let i = 0; i < 2; i++) {
    try { bus.publishSync('/a', event, { timeoutMs: 60_000 }); } catch (error) { codes.push(error.code, /publish and await/.test(error.message)); }
  }
  bus.publish('/a', event);
  accepted++;
  Atomics.store(gate, 0, 1);
  await writable;
  bus.publishSync('/a', event);
  accepted++;
  const result = await bus.close({ drainTimeoutMs: Infinity });
  const { published } = bus.stats();
  console.log(JSON.stringify({ codes, drains, result, handled: gate[1] === accepted, published: published === accepted }));
`;
const FORBID = `Atomics.wait = () => { throw new TypeError('Atomics.wait cannot be called in this context'); };`;

describe('where the thread of the bus may not block', { timeout: 600_000 }, () => {
  for (const when of ['before the bus is loaded', 'while the bus is in use']) {
    test(`${when}, publishSync says so at once, and everything else goes on`, async () => {
      const early = when.startsWith('before');
      // Imports are hoisted: what runs before them has to be a module of its own.
      const source = `
        ${early ? `import ${JSON.stringify(`data:text/javascript,${encodeURIComponent(FORBID)}`)};` : ''}
        const forbid = () => { ${early ? '' : FORBID} };
        ${SCENE}`;
      const { output, errors } = await runProgram(source);
      assert.equal(errors, '');
      assert.deepEqual(JSON.parse(output), {
        codes: ['BUS_CANNOT_BLOCK', true, 'BUS_CANNOT_BLOCK', true],
        drains: 1,
        result: { undelivered: 0 },
        handled: true,
        published: true,
      });
    });
  }
});

describe('a thread that may not block', { timeout: 600_000 }, () => {
  test('refuses to be a dedicated one, once, with an error that says what to do', async () => {
    await using bus = createBus();
    const heard: unknown[] = [];
    const module = inlineModule(`${FORBID} export default () => {};`);
    const dedicated = bus.subscribe('/a', module, { loop: 'dedicated' });
    dedicated.on('error', (error) => heard.push((error as BusError).code));
    dedicated.on('restart', () => heard.push('restart'));
    await assert.rejects(dedicated.ready, { code: 'BUS_CANNOT_BLOCK', message: /loop: 'cooperative'/ });
    await dedicated.ended;
    assert.deepEqual(heard, ['BUS_CANNOT_BLOCK']);
    // As a cooperative one it can.
    const cooperative = bus.subscribe('/a', module);
    await cooperative.ready;
    bus.publish('/a', null);
    await cooperative.stop({ drain: true });
    assert.equal(cooperative.stats().delivered, 1);
  });
});
