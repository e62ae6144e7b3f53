/** What users expect of ringcast where it is installed: one folder with the packed package, a process for each expectation. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { covering } from '../support/full.js';
import { type Printed, UserProject } from '../support/user-project.js';

const project = new UserProject();
after(() => project.remove());
const installed = join(project.folder, 'node_modules/ringcast');

const PERMISSION = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission';

/** Modules and the like that programs use. */
const FILES = {
  'count.mjs': 'export default (envelope, { data }) => { Atomics.add(data, 0, 1); };',
  'broken.mjs': 'export default () => {\n  const x = ;\n};',
  'imports-broken.mjs': "export { default } from './broken.mjs';",
  'throws.mjs': "export default () => {\n  throw new TypeError('mine');\n};",
  'compiled.cjs':
    "Object.defineProperty(exports, '__esModule', { value: true });\nexports.default = (envelope, { data }) => { Atomics.add(data, 0, 1); };",
  'prints.mjs':
    "export default { setup({ name }) { console.log(name, process.argv.at(-1), process.env.MINE, process.execArgv.join(' ')); }, handle() {} };",
  'preload.mjs': `
    import { createBus } from 'ringcast';
    const subscription = createBus().subscribe('/a', new URL('./count.mjs', import.meta.url));
    subscription.on('error', ({ code, message }) => {
      console.log(code, message.includes('preload'));
      process.exit();
    });`,
};
const CELLS = 'const data = new Int32Array(new SharedArrayBuffer(4));';
const URL_OF = "const module = (name) => new URL('./' + name, import.meta.url);";

/** Programs by what they show; each prints what is listed with it. */
const PROGRAMS: readonly (readonly [name: string, source: string, prints: string])[] = [
  [
    'an event class of a second copy is the type that it says, on threads and in conditions, and context finds its emitter',
    `import * as one from 'ringcast';
     import * as two from './second/node_modules/ringcast/dist/lib/index.js';
     import { TaskExit } from './second/node_modules/ringcast/dist/lib/events.js';
     const bus = one.createBus();
     bus.subscribe('event.exit_status==7', ({ typeUrl, event }) => console.log(typeUrl, event.exitStatus));
     two.runWithEmitter(bus.emitter(), () => one.emit('/tasks/exit', new TaskExit({ exitStatus: 7 })));
     bus.publish('/tasks/exit', new TaskExit({ exitStatus: 8 }));
     await bus.close({ drainTimeoutMs: Infinity });`,
    'containerd.events.TaskExit 7\n',
  ],
  [
    'services unpack layers in threads, which emit from there, and leave no thread behind',
    `import { createBus, runWithEmitter } from 'ringcast';
     import { buildImageArchive, openServices, resolveImage } from 'ringcast/services';
     const bus = createBus();
     bus.subscribe('/service/rootfs/*', ({ topic }) => console.log(topic));
     const ends = [];
     bus.on('disconnect', ({ name, reason }) => ends.push(name.replace(/[0-9]+/, 'n'), reason));
     const archive = await buildImageArchive({ name: 'a.test/a:1', files: [{ path: 'a', body: 'a' }] });
     await runWithEmitter(bus.emitter(), async () => {
       const services = await openServices({ directory: 'services-state', unpackThreads: 2 });
       const [{ target }] = await services.importer.importArchive((async function* () { yield archive; })());
       await services.unpacker.unpack((await resolveImage(services.content, target)).layers);
       await services.close();
     });
     await bus.close({ drainTimeoutMs: Infinity });
     console.log(...ends);`,
    '/service/rootfs/prepare\n/service/rootfs/commit\nunpack-n closed\n',
  ],
  [
    'a class that claims to be an event type and is none is refused',
    `import { createBus } from 'ringcast';
     class Odd { static typeUrl = 'a.Odd'; }
     const bus = createBus();
     bus.subscribe('/a', () => {});
     try { bus.publish('/a', new Odd()); } catch ({ code, message }) { console.log(code, message.includes('"Odd"')); }`,
    'BUS_INVALID_EVENT true\n',
  ],
  [
    'values that cannot arrive as they are are refused, others arrive',
    `import { createBus } from 'ringcast';
     import { runInNewContext } from 'node:vm';
     const bus = createBus();
     bus.subscribe('/a', ({ event }) => console.log(event.map instanceof Map, event.date instanceof Date));
     bus.publish('/a', runInNewContext('({ map: new Map([[1, 2]]), date: new Date(0) })'));
     for (const value of [new String('a'), new Blob([]), (function* () {})(), { typeUrl: 'a.B', value: new Uint8Array(), price: 1 }])
       try { bus.publish('/a', value); console.log('accepted', value); } catch ({ code }) { console.log(code); }
     await bus.close({ drainTimeoutMs: Infinity });`,
    `${'BUS_INVALID_EVENT\n'.repeat(4)}true true\n`,
  ],
  [
    'options of threads reach them',
    `import { createBus } from 'ringcast';
     ${URL_OF}
     const bus = createBus();
     const options = { name: 'audit', argv: ['last'], env: { MINE: 'env' }, execArgv: ['--no-warnings'], stdout: true };
     const subscription = bus.subscribe('/a', module('prints.mjs'), options);
     subscription.stdout.pipe(process.stdout);
     await bus.close({ drainTimeoutMs: Infinity });`,
    'audit last env --no-warnings\n',
  ],
  [
    'a handler that throws on a thread is told with its file and line, and so is a module that does not parse',
    `import { createBus } from 'ringcast';
     ${URL_OF}
     const bus = createBus();
     const failing = bus.subscribe('/a', module('throws.mjs'));
     bus.publish('/a', 1);
     const { code, cause } = await new Promise((resolve) => failing.once('error', resolve));
     console.log(code, /throws\\.mjs:2:\\d+/.exec(cause.stack)[0]);
     const broken = bus.subscribe('/a', module('imports-broken.mjs'));
     broken.on('error', () => {});
     await broken.ready.catch(({ code, message }) => console.log(code, message.slice(message.lastIndexOf('/') + 1)));
     await bus.close({ drainTimeoutMs: Infinity });`,
    'BUS_HANDLER_FAILED throws.mjs:2:9\nBUS_MODULE_LOAD broken.mjs:2:13)\n',
  ],
  [
    'misuse is an error that says what to do',
    `import { createBus } from 'ringcast';
     ${URL_OF}
     const bus = createBus();
     const told = (act) => { try { act(); console.log('nothing'); } catch ({ message }) { console.log(message.match(/bus\\.publish|envelope\\.toBinary|stays on its thread/)?.[0]); } };
     told(() => bus.emit('/x', 1));
     bus.subscribe('/a', (envelope) => told(() => structuredClone(envelope)));
     told(() => bus.subscribe('/a', module('count.mjs'), { data: { bus } }));
     bus.publish('/a', 1);
     await bus.close({ drainTimeoutMs: Infinity });`,
    'bus.publish\nstays on its thread\nenvelope.toBinary\n',
  ],
  [
    'a wait for a wrong topic says what came instead',
    `import { createBus } from 'ringcast';
     const bus = createBus();
     process.removeAllListeners('warning').on('warning', ({ code, message }) => { console.log(code, /topics of this bus: \\S+/.exec(message)[0]); bus.destroy(); });
     const waiting = bus.next('/ordres/placed');
     bus.publish('/orders/placed', 1);
     await waiting.catch(({ code }) => console.log(code));`,
    'BUS_NOTHING_SELECTED topics of this bus: /orders/placed;\nBUS_SUBSCRIPTION_ENDED\n',
  ],
  [
    'one signal stops many subscriptions without a warning',
    `import { createBus } from 'ringcast';
     const bus = createBus();
     const { signal } = new AbortController();
     process.on('warning', (warning) => console.log(warning.name));
     for (let i = 0; i < 30; i++) bus.subscribe('/a', () => {}, { signal });
     await bus.close({ drainTimeoutMs: Infinity });
     console.log('none');`,
    'none\n',
  ],
  [
    'whatever was published can be printed',
    `import { createBus, formatCtrLine } from 'ringcast';
     const bus = createBus();
     bus.subscribe('/a', (envelope) => console.log(typeof JSON.stringify(envelope), typeof formatCtrLine(envelope)));
     bus.publish('/a', { at: new Date(NaN), big: 2n ** 70n > 0n, list: [new Date(NaN)] });
     await bus.close({ drainTimeoutMs: Infinity });`,
    'string string\n',
  ],
  [
    'streams of Node and of the web are its neighbours',
    `import { createBus } from 'ringcast';
     import { Readable } from 'node:stream';
     import { pipeline } from 'node:stream/promises';
     const bus = createBus();
     const read = async (source) => { let sum = 0; for await (const { event } of source) sum += event.n; console.log(sum); };
     const reading = [read(Readable.from(bus.subscribe('/n'))), read(ReadableStream.from(bus.subscribe('/n')))];
     await pipeline(Readable.from([1, 2, 3].map((n) => ({ n }))), bus.writableStream('/n'));
     await bus.close({ drainTimeoutMs: Infinity });
     await Promise.all(reading);`,
    '6\n6\n',
  ],
  [
    'ringcast/testing settles, asserts, and turns a clock',
    `import { createTestBus, manualClock } from 'ringcast/testing';
     const clock = manualClock(0);
     const bus = createTestBus({ clock });
     bus.subscribe('/orders/placed', ({ event }) => void bus.publish('/orders/billed', { id: event.id }));
     clock.advance(5);
     bus.publish('/orders/placed', { id: 1 });
     const { timestamp } = await bus.assertPublished('/orders/billed', { id: 1 });
     await bus.assertNotPublished('/orders/refused');
     await bus.assertPublished('/orders/refused').catch(({ name }) => console.log(name));
     console.log(timestamp);
     await bus.close({ drainTimeoutMs: Infinity });`,
    'AssertionError\n5000000n\n',
  ],
];

describe('installed, ringcast', { timeout: 1_800_000 }, () => {
  before(async () => {
    await project.install('tar@7');
    cpSync(join(project.folder, 'node_modules'), join(project.folder, 'second/node_modules'), { recursive: true });
    project.write(FILES);
  });

  for (const [index, [name, source, prints]] of PROGRAMS.entries()) {
    test(name, async () => {
      project.write({ [`${index}.mjs`]: source });
      assert.deepEqual(await project.run('node', `${index}.mjs`), { stdout: prints, stderr: '' });
    });
  }

  test('is required by CommonJS, runs modules compiled to it, and names the lines of Node that can', async () => {
    project.write({
      'required.cjs': `
        const { join } = require('node:path');
        const { pathToFileURL } = require('node:url');
        const { createBus } = require('ringcast');
        ${CELLS}
        const bus = createBus();
        bus.subscribe('/a', pathToFileURL(join(__dirname, 'compiled.cjs')), { data });
        bus.publish('/a', 1);
        bus.close({ drainTimeoutMs: Infinity }).then(() => console.log(data[0]));`,
    });
    assert.deepEqual(await project.run('node', 'required.cjs'), { stdout: '1\n', stderr: '' });
    const { engines } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as { engines: object };
    assert.deepEqual(engines, { node: '^20.19.0 || >=22.12.0' });
  });

  test('loads few files with the bus, and none that the first event does not need', async () => {
    project.write({ 'import.mjs': "import { createBus } from 'ringcast';\ncreateBus();" });
    const coverage = join(project.folder, 'coverage');
    const child = spawn(process.execPath, [join(project.folder, 'import.mjs')], {
      env: { ...process.env, NODE_V8_COVERAGE: coverage },
    });
    await once(child, 'exit');
    const [report] = readdirSync(coverage);
    const { result } = JSON.parse(readFileSync(join(coverage, report!), 'utf8')) as { result: { url: string }[] };
    const loaded = result.map(({ url }) => url).filter((url) => url.includes('/node_modules/'));
    assert.ok(loaded.length > 0 && loaded.length <= 7, loaded.join('\n'));
    assert.ok(
      loaded.every((url) => url.includes('/node_modules/ringcast/')),
      loaded.join('\n'),
    );
  });

  test('fails at once where no thread can ever start, and breeds none in a preload', async () => {
    project.write({
      'forbidden.mjs': `
        import { createBus } from 'ringcast';
        const bus = createBus();
        try { bus.subscribe('/a', new URL('./count.mjs', import.meta.url)); } catch ({ code, message }) { console.log(code, message.includes('--allow-worker')); }`,
    });
    const forbidden = await project.run('node', '--no-warnings', PERMISSION, '--allow-fs-read=*', 'forbidden.mjs');
    assert.deepEqual(forbidden, { stdout: 'BUS_CANNOT_START_THREAD true\n', stderr: '' });
    const preloaded = await project.run('node', '--import', './preload.mjs', '-e', 'setInterval(() => {}, 1_000)');
    // The preload in the thread, then the one that started it.
    const stdout = 'BUS_CANNOT_START_THREAD true\nBUS_CANNOT_START_THREAD true\n';
    assert.deepEqual(preloaded, { stdout, stderr: '' });
  });

  test('has maps whose sources are there, of code and of declarations, and is small', () => {
    const maps = readdirSync(join(installed, 'dist'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.map'))
      .map((name) => join(installed, 'dist', name));
    for (const kind of ['.js.map', '.d.ts.map']) assert.ok(maps.some((name) => name.endsWith(kind)));
    for (const map of maps) {
      const { sources } = JSON.parse(readFileSync(map, 'utf8')) as { sources: string[] };
      for (const source of sources) assert.ok(existsSync(join(dirname(map), source)), `${map}: ${source}`);
    }
    const bytes = readdirSync(installed, { recursive: true, encoding: 'utf8' })
      .map((name) => statSync(join(installed, name)))
      .reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0);
    assert.ok(bytes < 8e6, `${bytes} bytes`);
  });

  test('has a command that leaves nothing in the temporary folder', async () => {
    project.write({ 'tmp/.keep': '', 'order.proto': 'syntax = "proto3"; message Order { string id = 1; }' });
    const TMPDIR = `TMPDIR=${join(project.folder, 'tmp')}`;
    await project.run('env', TMPDIR, 'ringcast', 'generate', 'order.proto', '--out', 'generated');
    assert.ok(existsSync(join(project.folder, 'generated/order.ts')));
    assert.deepEqual(readdirSync(join(project.folder, 'tmp')), ['.keep']);
  });

  test('delivers what is unread on a signal, and lets the signal end the process', async () => {
    project.write({
      'closing.mjs': `
        import { createBus } from 'ringcast';
        const bus = createBus().closeOn('SIGTERM', 'SIGINT');
        bus.subscribe('/a', async ({ event }) => { await new Promise(setImmediate); console.log(event); });
        for (const event of ['one', 'two']) bus.publish('/a', event);
        setInterval(() => {}, 1_000);
        console.log('ready');`,
    });
    const child = spawn(process.execPath, [join(project.folder, 'closing.mjs')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      if (line === 'ready') child.kill('SIGTERM');
    }
    assert.deepEqual(
      [lines, await exited],
      [
        ['ready', 'one', 'two'],
        [null, 'SIGTERM'],
      ],
    );
  });
});

/** Ways to run a program, in all of which a bus delivers to a thread and to a handler. */
const WAYS: readonly (readonly [name: string, ...args: string[]])[] = [
  ['with frozen intrinsics', '--frozen-intrinsics', 'app.mjs'],
  ['without code from strings', '--disallow-code-generation-from-strings', 'app.mjs'],
  ['without the accessors of __proto__', '--disable-proto=throw', 'app.mjs'],
  ['under the permission model', PERMISSION, '--allow-fs-read=*', '--allow-worker', 'app.mjs'],
  ['with modules of vm', '--experimental-vm-modules', 'app.mjs'],
  ['with source maps', '--enable-source-maps', 'app.mjs'],
  ['with unhandled rejections as errors', '--unhandled-rejections=strict', '--throw-deprecation', 'app.mjs'],
  ['without addons', '--no-addons', 'app.mjs'],
  ['with a small stack', '--stack-size=500', 'app.mjs'],
  ['with a small heap', '--max-old-space-size=64', '--max-semi-space-size=1', 'app.mjs'],
  ['with deprecations as errors, those to come included', '--pending-deprecation', '--throw-deprecation', 'app.mjs'],
  ['with links left as they are', '--preserve-symlinks', '--preserve-symlinks-main', 'app.mjs'],
  ['without __proto__', '--disable-proto=delete', 'app.mjs'],
];

describe('a program with a thread runs', { timeout: 1_800_000 }, () => {
  const APP = `
    import { createBus } from 'ringcast';
    import { TaskExit } from 'ringcast/events';
    ${CELLS}
    const bus = createBus();
    bus.subscribe('/tasks/*', new URL('./count.mjs', import.meta.url), { data });
    bus.subscribe({ topics: '/{tasks,images}/*', where: 'event.exit_status~="^[0-9]$"' }, ({ event }) => console.log(event.exitStatus));
    for (const exitStatus of [5, 137]) bus.publish('/tasks/exit', new TaskExit({ exitStatus }));
    const { undelivered } = await bus.close({ drainTimeoutMs: Infinity });
    console.log(undelivered, data[0]);`;
  const PROMISED: Printed = { stdout: '5\n0 2\n', stderr: '' };
  const odd = join(project.folder, 'odd #1 100% ümlaut');

  before(() => project.write({ 'app.mjs': APP }));

  for (const [name, ...args] of covering(WAYS, 2)) {
    test(name, async () => {
      assert.deepEqual(await project.run('node', '--no-warnings', ...args), PROMISED);
    });
  }

  test('from a folder with spaces and letters that URLs escape', async () => {
    for (const name of ['app.mjs', 'count.mjs']) cpSync(join(project.folder, name), join(odd, name));
    cpSync(join(project.folder, 'node_modules'), join(odd, 'node_modules'), { recursive: true });
    assert.deepEqual(await project.run('node', join(odd, 'app.mjs')), PROMISED);
  });

  test('as text that is evaluated', async () => {
    const file = JSON.stringify(join(project.folder, 'count.mjs'));
    const source = APP.replace(
      "new URL('./count.mjs', import.meta.url)",
      `(await import('node:url')).pathToFileURL(${file})`,
    );
    assert.deepEqual(await project.run('node', '--input-type=module', '-e', source), PROMISED);
  });
});
