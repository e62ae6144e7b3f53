import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runProgram } from '../support/child-process.js';

/** Says, from an unref'd timer, that the process is still there long after it had nothing left to do. */
const STILL_HERE = `setTimeout(() => console.log('still here'), 700).unref();`;

describe('a process', { timeout: 600_000, concurrency: 2 }, () => {
  const ends: readonly [name: string, source: string, output: string][] = [
    ['with a bus and nothing else', `createBus();`, ''],
    ['with open handlers', `createBus().subscribe('/a', () => {});`, ''],
    [
      'with open handlers, after what was published was delivered, the queue included',
      `const bus = createBus({ capacityBytes: 65536 });
       let sum = 0;
       bus.subscribe('/a', ({ event }) => { sum += event.id; });
       for (let id = 0; id < 100; id++) bus.publish('/a', { id, text: 'x'.repeat(5000) });
       process.on('exit', () => console.log(sum));`,
      '4950\n',
    ],
    [
      'with a closed bus that had subscribers of every form',
      `const bus = createBus();
       bus.subscribe('/a', () => {});
       bus.subscribe('/a', worker('counter'));
       bus.subscribe('/a', worker('counter'), { loop: 'dedicated' });
       const stream = bus.subscribe('/a');
       const next = stream.next();
       for (let id = 0; id < 100; id++) bus.publish('/a', { id });
       console.log((await next).value.event.id);
       for await (const { event } of stream) if (event.id === 99) break;
       console.log(JSON.stringify(await bus.close({ drainTimeoutMs: Infinity })));`,
      '0\n{"undelivered":0}\n',
    ],
    [
      'with a destroyed bus whose thread is stuck',
      `const bus = createBus();
       const subscription = bus.subscribe('/a', worker('faulty'), { data: { buffer: new SharedArrayBuffer(64), fault: 'hang' } });
       bus.publish('/a', { id: 1 });
       await subscription.ready;
       bus.destroy();`,
      '',
    ],
    [
      'with modules that are unref’d',
      `const bus = createBus();
       const one = bus.subscribe('/a', worker('counter')).unref();
       const two = bus.subscribe('/a', worker('counter'), { loop: 'dedicated' });
       await two.ready;
       two.unref();`,
      '',
    ],
    [
      'with a module that has stopped',
      `const bus = createBus();
       await bus.subscribe('/a', worker('counter')).stop();`,
      '',
    ],
    [
      'with a stream that nobody reads at the moment',
      `const bus = createBus();
       const stream = bus.subscribe('/a');
       bus.publish('/a', 1);
       console.log((await stream.next()).value.event);`,
      '1\n',
    ],
    [
      'with a handler that is pending',
      `const bus = createBus(); bus.subscribe('/a', () => new Promise(() => {})); bus.publish('/a', 1);`,
      '',
    ],
  ];
  for (const [name, source, output] of ends) {
    test(`ends ${name}`, async () => {
      assert.deepEqual(await runProgram(source), { exitCode: 0, output, errors: '' });
    });
  }

  const stays: readonly [name: string, source: string][] = [
    ['an open module', `createBus().subscribe('/a', worker('counter'));`],
    ['a ref’d handler', `createBus().subscribe('/a', () => {}).ref();`],
    ['a pending iterator', `const stream = createBus().subscribe('/a'); void stream.next();`],
    [
      'a pending writable()',
      `const bus = createBus({ capacityBytes: 65536 });
       bus.subscribe('/a', () => new Promise(() => {}));
       while (bus.publish('/a', 'x'.repeat(7000)));
       bus.writable().then(() => console.log('room'));`,
    ],
    ['a module that was unref’d and ref’d again', `createBus().subscribe('/a', worker('counter')).unref().ref();`],
  ];
  for (const [name, source] of stays) {
    test(`is held open by ${name}`, async () => {
      const outcome = await runProgram(`${source}\n${STILL_HERE}`, 'still here');
      assert.deepEqual(outcome, { exitCode: undefined, output: 'still here\n', errors: '' });
    });
  }

  test('never sees an unhandled rejection for a promise that nobody watches', async () => {
    const { exitCode, output } = await runProgram(`
      process.on('unhandledRejection', (error) => { console.log('unhandled', error); });
      process.on('warning', () => {});
      const bus = createBus({ capacityBytes: 65536 });
      bus.on('error', () => {});
      const broken = bus.subscribe('/a', new URL('data:text/javascript,export default 5'));
      bus.subscribe('/a', async () => { throw new Error('mine'); });
      bus.subscribe('/a', () => ({ get then() { throw new Error('mine'); } }));
      bus.subscribe('/a', () => new Promise(() => {})).on('end', () => { throw new Error('mine'); });
      while (bus.publish('/a', 'x'.repeat(7000)));
      bus.writable();
      broken.ready;
      bus.subscribe('/a').next();
      await broken.ended;
      bus.close({ drainTimeoutMs: 50 });
      bus.writable();
      bus.destroy();
      await bus.close();
      console.log('done');
    `);
    assert.equal(output, 'done\n');
    assert.equal(exitCode, 0);
  });
});
