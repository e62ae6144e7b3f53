/** `ringcast mirror`, with real servers. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { publishTo } from '../../src/bridges/ttrpc/index.js';
import { until } from '../support/bus-scene.js';
import { CommandLines } from '../support/command-lines.js';
import { NatsServer, noNatsServer } from '../support/nats-server.js';
import { startCommand } from '../support/run-command.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

async function mirror(t: TestContext, ...args: readonly string[]) {
  const child = startCommand(['mirror', ...args]);
  t.after(() => child.kill('SIGKILL'));
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk) => {
      said[name] += chunk;
    });
  }
  await until(() => said.stderr.includes('mirroring the stream'));
  return { child, said };
}

describe('ringcast mirror', { timeout: 600_000 }, () => {
  test('prints at one machine what was published at another', { skip: noNatsServer() }, async (t) => {
    const server = await NatsServer.start(t);
    const address = join(await temporaryDirectory(t), 's');
    const [one, other] = await Promise.all([
      mirror(t, '--nats', server.url, '--listen', address, '--filter', '/a/**'),
      mirror(t, '--nats', server.url),
    ]);
    await using publisher = publishTo(address);
    const { TaskExit } = await import('../../src/events.js');
    await publisher.publish('/b', new TaskExit({ containerId: 'stays here' }));
    await publisher.publish('/a/b', new TaskExit({ containerId: 'goes out' }));
    await until(() => /goes out.*\n/.test(other.said.stdout));
    assert.match(other.said.stdout, /^\S+ \S+ .* default \/a\/b \{"container_id":"goes out".*\}\n$/);
    await until(() => one.said.stdout.split('\n').length === 3);
    for (const { child } of [one, other]) {
      child.kill('SIGTERM');
      assert.deepEqual(await once(child, 'exit'), [0, null]);
    }
    const late = await mirror(t, '--nats', server.url, '--from', 'all');
    await until(() => late.said.stdout.includes('goes out'));
  });

  test('says what is wrong with its arguments, and when nobody is there', async (t) => {
    const commands = new CommandLines();
    t.after(() => commands.close());
    for (const [args, message] of [
      [[], /no server/],
      [['--nats', ''], /no server/],
      [['--nats', 'x', 'file'], /unexpected "file"/],
      [['--nats', 'x', '--from', '0'], /--from "0"/],
    ] as const) {
      const { exitCode, stderr } = await commands.run('mirror', ...args);
      assert.equal(exitCode, 2);
      assert.match(stderr, message);
    }
    for (const [server, message] of [
      ['127.0.0.1:1', /^ringcast: the connection to 127\.0\.0\.1:1 failed: .*\n$/],
      ['http://x y', /^ringcast: servers must be .* such as .*, got .*http:\/\/x y.*\n$/],
    ] as const) {
      const { exitCode, stderr } = await commands.run('mirror', '--nats', server);
      assert.equal(exitCode, 1);
      assert.match(stderr, message);
    }
  });
});
