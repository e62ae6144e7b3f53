/** Where ringcast lies: linked, copied, zipped, not writable, and in folders with any name. A process for each layout. */
import assert from 'node:assert/strict';
import { chmodSync, cpSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { packedPackage, UserProject } from '../support/user-project.js';

const node = process.execPath;

/** Publishes to a module on a thread, which imports ringcast too; the second filter loads what the first does not need. */
const APP = {
  'package.json': '{ "name": "app", "private": true, "type": "module" }',
  'main.mjs': `
    import { createBus } from 'ringcast';
    const bus = createBus();
    const filters = ['/orders/{new,paid}', 'topic~="^/never"'];
    bus.subscribe(filters, new URL('./audit.mjs', import.meta.url), { name: 'audit' });
    bus.publish('/orders/new', { id: 'o1' });
    await bus.close({ drainTimeoutMs: Infinity });`,
  'audit.mjs': `
    import { connectBus } from 'ringcast';
    export default ({ topic, event }, { name }) => console.log(name, topic, event.id, typeof connectBus);`,
  'main.cjs': `
    const { pathToFileURL } = require('node:url');
    const { createBus } = require('ringcast');
    const bus = createBus();
    const filters = ['/orders/{new,paid}', 'topic~="^/never"'];
    bus.subscribe(filters, pathToFileURL(require.resolve('./audit.cjs')), { name: 'audit' });
    bus.publish('/orders/new', { id: 'o1' });
    bus.close({ drainTimeoutMs: Infinity });`,
  'audit.cjs': `
    const { connectBus } = require('ringcast');
    module.exports = ({ topic, event }, { name }) => console.log(name, topic, event.id, typeof connectBus);`,
};
const PRINTS = { stdout: 'audit /orders/new o1 function\n', stderr: '' };
const MAINS = ['main.mjs', 'main.cjs'];

/** As many as a name may have of what means something in URLs, paths, shells or source text. */
const ODD_NAME = `a b#c%20d%e?f'g"h&i;j:k=l[m](n){o}+@,\`$*!~^|<>\nünï 日本 🙂`;

const installed = new UserProject();
const packages = join(installed.folder, 'node_modules');
after(() => installed.remove());

/** A folder for one layout, with the program in `folder` of it. */
function layout(t: { after(end: () => void): void }, folder: string): UserProject {
  const project = new UserProject();
  t.after(() => project.remove());
  writeApp(project, folder);
  return project;
}

function writeApp(project: UserProject, folder: string): void {
  project.write(Object.fromEntries(Object.entries(APP).map(([name, text]) => [join(folder, name), text])));
}

function link(project: UserProject, from: string, to: string): void {
  const at = join(project.folder, from);
  mkdirSync(dirname(at), { recursive: true });
  symlinkSync(relative(dirname(at), join(project.folder, to)), at);
}

async function runsIn(project: UserProject, folder: string, ...flags: readonly string[]): Promise<void> {
  for (const main of MAINS) {
    assert.deepEqual(await project.run(node, ...flags, join(folder, main)), PRINTS, `${flags.join(' ')} ${main}`);
  }
}

/** Each file and folder below, with when it was written last. */
function contents(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => {
    const { mtimeMs, size } = statSync(join(folder, name));
    return `${name} ${mtimeMs} ${size}`;
  });
}

describe('ringcast runs', { timeout: 1_800_000 }, () => {
  before(() => installed.install('tar@7'));

  test('in a folder whose name holds what means something elsewhere, and so do modules, types and hosted buses', async (t) => {
    const project = layout(t, ODD_NAME);
    cpSync(packages, join(project.folder, ODD_NAME, 'node_modules'), { recursive: true });
    await runsIn(project, ODD_NAME);
    // Percent signs in the name of a file: Node decodes its URL once.
    const [module, types] = ['au dit#%41?.mjs', 'ty pes#%3F?.mjs'];
    project.write({
      [join(ODD_NAME, module)]: APP['audit.mjs'],
      [join(ODD_NAME, types)]: "export { TaskExit } from 'ringcast/events';",
      [join(ODD_NAME, 'odd.mjs')]: `
        import { createBus, hostBus } from 'ringcast';
        import { TaskExit } from 'ringcast/events';
        const url = (name, more = '') => new URL('./' + encodeURIComponent(name) + more, import.meta.url);
        const buses = [createBus({ types: [url('${types}')] }), await hostBus({ types: [url('${types}')] })];
        for (const bus of buses) {
          const audit = bus.subscribe('/orders/new', url('${module}', '?v=1#part'), { name: 'audit' });
          const exits = bus.subscribe('/tasks/exit', ({ event }) => console.log(event instanceof TaskExit));
          await Promise.all([audit.ready, exits.ready]);
          bus.publish('/orders/new', { id: 'o1' });
          bus.publish('/tasks/exit', new TaskExit({ exitStatus: 1 }));
          await audit.stop({ drain: true });
          await exits.stop({ drain: true });
          await bus.close({ drainTimeoutMs: Infinity });
        }`,
    });
    const { stdout, stderr } = await project.run(node, join(ODD_NAME, 'odd.mjs'));
    assert.equal(stderr, '');
    assert.deepEqual(stdout.trim().split('\n').sort(), [...Array(2).fill(PRINTS.stdout.trim()), 'true', 'true']);
  });

  test('as a package that is linked, with its packages inside it or beside it, whatever Node makes of links', async (t) => {
    const project = layout(t, 'inside');
    writeApp(project, 'beside');
    cpSync(packages, join(project.folder, 'store/node_modules'), { recursive: true });
    cpSync(join(packages, 'ringcast'), join(project.folder, 'checkout'), { recursive: true });
    cpSync(packages, join(project.folder, 'checkout/node_modules'), { recursive: true });
    rmSync(join(project.folder, 'checkout/node_modules/ringcast'), { recursive: true });
    link(project, 'inside/node_modules/ringcast', 'checkout');
    link(project, 'beside/node_modules/ringcast', 'store/node_modules/ringcast');
    link(project, 'linked', 'inside');
    // A peer is looked for beside the link that is kept.
    link(project, 'beside/node_modules/tar', 'store/node_modules/tar');
    project.write({
      'beside/unpacks.mjs': `
        import { createBus, runWithEmitter } from 'ringcast';
        import { buildImageArchive, openServices, resolveImage } from 'ringcast/services';
        const bus = createBus();
        bus.subscribe('/service/rootfs/commit', ({ topic }) => console.log(topic));
        const archive = await buildImageArchive({ name: 'a.test/a:1', files: [{ path: 'a', body: 'a' }] });
        await runWithEmitter(bus.emitter(), async () => {
          const services = await openServices({ directory: 'state', unpackThreads: 1 });
          const [{ target }] = await services.importer.importArchive((async function* () { yield archive; })());
          await services.unpacker.unpack((await resolveImage(services.content, target)).layers);
          await services.close();
        });
        await bus.close({ drainTimeoutMs: Infinity });`,
    });
    const flags = ['--preserve-symlinks', '--preserve-symlinks-main'];
    const unpacked = await project.run(node, ...flags, 'beside/unpacks.mjs');
    assert.deepEqual(unpacked, { stdout: '/service/rootfs/commit\n', stderr: '' });
    for (const folder of ['inside', 'beside', 'linked']) {
      for (const flags of [[], ['--preserve-symlinks'], ['--preserve-symlinks', '--preserve-symlinks-main']]) {
        await runsIn(project, folder, ...flags);
      }
    }
  });

  test('where nothing can be written, and writes nothing', async (t) => {
    const project = layout(t, 'app');
    const app = join(project.folder, 'app');
    cpSync(packages, join(app, 'node_modules'), { recursive: true });
    const paths = [app, ...readdirSync(app, { recursive: true, encoding: 'utf8' }).map((name) => join(app, name))];
    const setModes = (mask: (mode: number) => number): void => {
      for (const path of paths) chmodSync(path, mask(statSync(path).mode));
    };
    setModes((mode) => mode & ~0o222);
    // The superuser may write all the same.
    const found = contents(app);
    try {
      for (const main of MAINS) {
        const nowhere = ['TMPDIR=/nowhere', 'HOME=/nowhere', 'XDG_CACHE_HOME=/nowhere'];
        assert.deepEqual(await project.run('env', ...nowhere, node, join('app', main)), PRINTS);
      }
    } finally {
      setModes((mode) => mode | 0o200);
    }
    assert.deepEqual(contents(app), found);
  });

  test('from NODE_PATH, for CommonJS', async (t) => {
    const project = layout(t, 'app');
    assert.deepEqual(await project.run('env', `NODE_PATH=${packages}`, node, 'app/main.cjs'), PRINTS);
  });

  test('beside other versions of every package that it needs', async (t) => {
    const project = layout(t, '.');
    const others = ['piscina@4', 'picomatch@2', 'protobufjs@7', 're2js@1', '@types/node@22'];
    await project.install(...others);
    const nested = readdirSync(join(project.folder, 'node_modules/ringcast/node_modules'));
    for (const name of ['piscina', 'picomatch', 'protobufjs', 're2js']) assert.ok(nested.includes(name), name);
    await runsIn(project, '.');
    project.write({ 'order.proto': 'syntax = "proto3"; message Order { string id = 1; }' });
    await project.run('ringcast', 'generate', 'order.proto', '--out', 'generated');
  });

  test('as two copies in one process, that share a bus by its handle', async (t) => {
    const project = layout(t, '.');
    for (const folder of ['', 'second']) {
      cpSync(packages, join(project.folder, folder, 'node_modules'), { recursive: true });
    }
    project.write({
      'copies.mjs': `
        import * as one from 'ringcast';
        import * as two from './second/node_modules/ringcast/dist/lib/index.js';
        const bus = one.createBus();
        const connection = two.connectBus(bus.handle);
        await bus.subscribe('/a', ({ event }) => console.log('one', event)).ready;
        await connection.subscribe('/a', ({ event }) => console.log('two', event)).ready;
        connection.publish('/a', 'event');
        await connection.close();
        await bus.close({ drainTimeoutMs: Infinity });
        console.log(one.createBus !== two.createBus);`,
    });
    const { stdout, stderr } = await project.run(node, 'copies.mjs');
    assert.equal(stderr, '');
    assert.deepEqual(stdout.trim().split('\n').sort(), ['one event', 'true', 'two event']);
  });

  test('in a workspace of pnpm, with a module and an event class of another package of it', async (t) => {
    const project = layout(t, 'packages/app');
    const tools = new UserProject();
    t.after(() => tools.remove());
    await tools.run('npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', 'pnpm');
    project.prefer(join(tools.folder, 'node_modules/.bin'));
    const ringcast = `"ringcast": "file:${await packedPackage()}"`;
    project.write({
      'pnpm-workspace.yaml': 'packages: [packages/*]\n',
      'packages/app/package.json': `{ "name": "app", "type": "module", "dependencies": { "shop": "workspace:*", ${ringcast} } }`,
      'packages/shop/package.json': `{ "name": "shop", "type": "module", "exports": { "./*": "./*" }, "dependencies": { ${ringcast} } }`,
      'packages/shop/types.js': "export { TaskExit } from 'ringcast/events';",
      'packages/shop/audit.js': `
        import { TaskExit } from './types.js';
        export default ({ event }) => console.log(event instanceof TaskExit, event.exitStatus);`,
      'packages/app/shop.js': `
        import { createBus } from 'ringcast';
        import { TaskExit } from 'shop/types.js';
        const bus = createBus({ types: [new URL(import.meta.resolve('shop/types.js'))] });
        bus.subscribe('event.exit_status==7', new URL(import.meta.resolve('shop/audit.js')));
        bus.publish('/tasks/exit', new TaskExit({ exitStatus: 7 }));
        await bus.close({ drainTimeoutMs: Infinity });`,
    });
    await project.run('pnpm', 'install', '--store-dir', join(tools.folder, 'store'));
    await runsIn(project, 'packages/app');
    await runsIn(project, 'packages/app', '--preserve-symlinks');
    assert.deepEqual(await project.run(node, 'packages/app/shop.js'), { stdout: 'true 7\n', stderr: '' });
  });

  test("from Yarn's archives, under Plug'n'Play", async (t) => {
    const project = layout(t, '.');
    const tools = new UserProject();
    t.after(() => tools.remove());
    await tools.run('npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', 'berry@npm:@yarnpkg/cli-dist');
    const yarn = join(tools.folder, 'node_modules/berry/bin/yarn.js');
    project.write({
      'yarn.lock': '',
      '.yarnrc.yml': `nodeLinker: pnp\nglobalFolder: ${join(tools.folder, 'global')}\nenableTelemetry: false\n`,
    });
    await project.run(node, yarn, 'add', `ringcast@file:${await packedPackage()}`);
    for (const main of MAINS) {
      const { stdout, stderr } = await project.run(node, yarn, 'node', main);
      // Yarn's own loader is experimental where Node is old.
      assert.doesNotMatch(stderr, /ringcast|Error:/);
      assert.equal(stdout, PRINTS.stdout, main);
    }
  });
});
