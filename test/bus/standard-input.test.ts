/** Standard input belongs to the program: nothing of the package opens it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';

const O_NONBLOCK = 0o4000;

test('a pipe that a program reads synchronously stays one that waits', {
  skip: process.platform !== 'linux' && 'asks /proc how a file was opened',
}, async () => {
  const index = new URL('../../lib/index.js', import.meta.url).href;
  const program = `
    import { readFileSync } from 'node:fs';
    import { createBus } from ${JSON.stringify(index)};
    const bus = createBus();
    bus.subscribe('/a', () => {});
    bus.subscribe('/a', new URL('data:text/javascript,export default () => {}'));
    bus.publish('/a', 1);
    await bus.close();
    console.log(/flags:\\s+(\\d+)/.exec(readFileSync('/proc/self/fdinfo/0', 'utf8'))[1]);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [flags] = await Promise.all([text(child.stdout), once(child, 'close')]);
  assert.equal(Number.parseInt(flags, 8) & O_NONBLOCK, 0, flags);
});
