/** What a process loads of Node that imports the package, and what of that may be replaced afterwards. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { LIBRARY } from '../support/published.js';

const run = promisify(execFile);

/** Runs code in a process that has loaded nothing yet; returns what it prints. */
async function printed(source: string): Promise<string> {
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', source]);
  return stdout;
}

test("an import, and a bus without threads and connections, load neither Node's threads nor its streams", async () => {
  const looks = await printed(`
    const slow = ['worker_threads', 'stream', 'os'];
    const loaded = () => slow.filter((name) => process.moduleLoadList.includes('NativeModule ' + name));
    const looks = [loaded()];
    const { createBus } = await import(${JSON.stringify(LIBRARY)});
    looks.push(loaded());
    const bus = createBus();
    bus.subscribe('/a', () => {});
    bus.publish('/a', { id: 1 });
    looks.push(loaded());
    bus.handle;
    looks.push(loaded());
    bus.destroy();
    console.log(JSON.stringify(looks));
  `);
  const [before, imported, published, connected] = JSON.parse(looks) as [string[], string[], string[], string[]];
  assert.deepEqual(imported, before);
  assert.deepEqual(published, before);
  // As it should, so the list is worth looking at.
  assert.ok(connected.includes('worker_threads'));
});

test("methods of Node's threads that are replaced once they were needed are not called", async () => {
  const received = await printed(`
    const { createBus, connectBus } = await import(${JSON.stringify(LIBRARY)});
    const bus = createBus();
    const connection = connectBus(bus.handle);
    const { MessagePort, Worker } = process.getBuiltinModule('node:worker_threads');
    for (const { prototype } of [MessagePort, Worker]) {
      prototype.postMessage = () => {
        throw new Error('replaced');
      };
    }
    const ids = [];
    const subscription = connection.subscribe('/a', ({ event }) => void ids.push(event.id));
    await subscription.ready;
    for (const id of [1, 2, 3]) connection.publish('/a', { id });
    await connection.close();
    await bus.close();
    console.log(JSON.stringify(ids));
  `);
  assert.deepEqual(JSON.parse(received), [1, 2, 3]);
});

test('what was put on Object.prototype before the import is in nothing that is imported or published', async () => {
  const received = await printed(`
    Object.prototype.odd = 'odd';
    const { createBus } = await import(${JSON.stringify(LIBRARY)});
    const { NamespaceCreate } = await import(${JSON.stringify(new URL('events.js', LIBRARY).href)});
    const bus = createBus({ types: [NamespaceCreate] });
    const events = [];
    bus.subscribe('/**', ({ event }) => void events.push(Object.entries(event), Object.keys(event.labels)));
    bus.publish('/a', { labels: { a: '1' } }, { namespace: 'n' });
    bus.publish('/b', new NamespaceCreate({ labels: { a: '1' } }));
    await bus.close();
    console.log(JSON.stringify(events));
  `);
  const labels = ['labels', { a: '1' }];
  assert.deepEqual(JSON.parse(received), [[labels], ['a'], [['name', ''], labels], ['a']]);
});
