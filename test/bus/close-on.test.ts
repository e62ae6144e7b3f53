import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { createBus } from '../../src/index.js';
import { LIBRARY } from '../support/published.js';

const program = fileURLToPath(new URL('../fixtures/programs/closing-on-signals.js', import.meta.url));

interface Run {
  readonly lines: readonly string[];
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Runs the program, and sends it `signals` one after the other once it is ready. */
async function run(args: readonly string[], signals: readonly NodeJS.Signals[]): Promise<Run> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    if (line !== 'ready') lines.push(line);
    else for (const signal of signals) child.kill(signal);
  }
  const [code, signal] = (await exited) as [number | null, NodeJS.Signals | null];
  return { lines, code, signal };
}

describe('closeOn', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`delivers what is unread on ${signal}, then lets the signal end the process`, async () => {
      const ended = await run([], [signal]);
      assert.deepEqual(ended.lines, ['handled 0', 'handled 1', 'handled 2', 'handled 3', 'handled 4']);
      assert.deepEqual([ended.code, ended.signal], [null, signal]);
    });
  }

  test('waits for every bus of the process before the signal is raised again', async () => {
    const ended = await run(['others'], ['SIGTERM']);
    assert.ok(ended.lines.includes('other handled 0'));
    assert.ok(ended.lines.includes('handled 4'));
    assert.equal(ended.signal, 'SIGTERM');
  });

  test('ends at once on a second signal, whichever it is', async () => {
    const ended = await run(['slow'], ['SIGTERM', 'SIGINT']);
    assert.deepEqual(ended.lines, []);
    assert.ok(ended.signal === 'SIGTERM' || ended.signal === 'SIGINT', `${ended.code} ${ended.signal}`);
  });

  test('leaves no listener behind when the bus is closed', async () => {
    const before = process.listenerCount('SIGTERM');
    // Some lines of Node listen to it themselves.
    const others = process.listenerCount('SIGUSR2');
    const one = createBus().closeOn('SIGTERM');
    const two = createBus().closeOn('SIGTERM', 'SIGUSR2');
    assert.equal(process.listenerCount('SIGTERM'), before + 1);
    await one.close();
    assert.equal(process.listenerCount('SIGTERM'), before + 1);
    await two.close();
    assert.equal(process.listenerCount('SIGTERM'), before);
    assert.equal(process.listenerCount('SIGUSR2'), others);
  });

  test('is asked again after somebody has removed all listeners of the signal', async () => {
    const others = process.listenerCount('SIGHUP');
    await using one = createBus();
    one.closeOn('SIGHUP');
    process.removeAllListeners('SIGHUP');
    await using two = createBus();
    two.closeOn('SIGHUP').closeOn('SIGHUP');
    assert.equal(process.listenerCount('SIGHUP'), 1);
    assert.equal(others, 0);
  });

  test('refuses what is no signal, and what nobody can hear', async () => {
    const bus = createBus();
    for (const signals of [[], ['SIGKILL'], ['SIGSTOP'], ['TERM'], ['toString'], [15]]) {
      assert.throws(() => bus.closeOn(...(signals as NodeJS.Signals[])), { code: 'BUS_INVALID_OPTION' });
    }
    await bus.close();
    assert.throws(() => bus.closeOn('SIGTERM'), { code: 'BUS_CLOSED' });
  });

  test('is refused on a thread, which gets no signals', async () => {
    const source = `
      import(${JSON.stringify(LIBRARY)}).then(({ createBus }) => {
        const bus = createBus();
        try { bus.closeOn('SIGTERM'); } catch (error) { require('node:worker_threads').parentPort.postMessage(error.code); }
        return bus.close();
      });`;
    const worker = new Worker(source, { eval: true });
    const exited = once(worker, 'exit');
    const [code] = (await once(worker, 'message')) as [string];
    assert.equal(code, 'BUS_INVALID_OPTION');
    await exited;
  });
});
