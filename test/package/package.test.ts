/** The package as users get it: packed, installed into an empty project, run there. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { compile } from '../support/typescript.js';
import { readmeExample } from '../support/user-project.js';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../../', import.meta.url));
const project = mkdtempSync(join(tmpdir(), 'ringcast-project-'));
const installed = join(project, 'node_modules/ringcast');
after(() => rmSync(project, { recursive: true }));

/** Compiles files of the project, strictly and with all types checked. */
async function compileStrictly(...args: readonly string[]): Promise<void> {
  const target = ['--module', 'nodenext', '--target', 'es2023', '--lib', 'es2023,esnext.disposable', '--types', 'node'];
  await compile(['--strict', ...target, ...args], project).catch((error: { stdout: string }) =>
    assert.fail(error.stdout),
  );
}

/** What uses every entry with types. */
const USE = `
  import { createBus, type Envelope } from 'ringcast';
  import { TaskExit } from 'ringcast/events';
  import type { EventCodec } from 'ringcast/codec';
  import { openServices, type Services } from 'ringcast/services';
  import { fromContainerd } from 'ringcast/containerd';
  import { natsBridge, type NatsConnection } from 'ringcast/nats';
  import { serveEvents } from 'ringcast/ttrpc';
  import { checkBridge } from 'ringcast/testing';
  declare const connection: NatsConnection;
  interface Topics { '/a': { id: number } }
  const typed = createBus<Topics>();
  void serveEvents(typed, { address: 's' }); void fromContainerd(typed, { address: 's' });
  void natsBridge(typed, { connection, stream: 'EVENTS', out: { filter: '/**' } });
  void checkBridge({ create: (one) => serveEvents(one, { address: 's' }) });
  const services: Promise<Services> = openServices({ directory: 'state' });
  void services;
  const bus = createBus({ capacityBytes: 65536 });
  bus.subscribe('/tasks/*', (envelope: Envelope) => { const at: bigint = envelope.timestamp; void at; });
  const accepted: boolean = bus.publish('/tasks/exit', new TaskExit({ containerId: 'a', exitStatus: 1 }));
  void accepted; void bus.close();`;

let packed: readonly string[];

/** The sources of a file of the bundle. */
function sourcesOf(file: string): readonly string[] {
  const map = join(root, `${file}.map`);
  return existsSync(map) ? (JSON.parse(readFileSync(map, 'utf8')) as { sources: string[] }).sources : [];
}

/** Adds a file of the bundle, and those that are loaded with it. */
function addLoaded(file: string, loaded: Set<string>): Set<string> {
  if (loaded.has(file)) return loaded;
  loaded.add(file);
  const code = readFileSync(join(root, file), 'utf8');
  for (const [, name] of code.matchAll(/(?:from|import)\s*"\.\/([\w.-]+)"/g)) addLoaded(`dist/lib/${name}`, loaded);
  return loaded;
}

describe('the packed package', () => {
  before(async () => {
    const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', project], {
      cwd: root,
      maxBuffer: 2 ** 26,
    });
    const [{ filename, files }] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }];
    packed = files.map(({ path }) => path);
    writeFileSync(join(project, 'package.json'), '{ "name": "empty", "private": true, "type": "module" }');
    await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', join(project, filename)], {
      cwd: project,
    });
    for (const types of ['node_modules/@types/node', 'node_modules/undici-types']) {
      cpSync(join(root, types), join(project, types), { recursive: true });
    }
  });

  test('compiles in a strict TypeScript project, without its optional dependency and with all its types checked', async () => {
    assert.ok(!existsSync(join(project, 'node_modules/tar')));
    const files = { ...readmeExample(), 'use.ts': USE };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(project, name), text);
    await compileStrictly(...Object.keys(files));
  });

  test("runs the README's first example in an empty project", async () => {
    const { stdout } = await run(process.execPath, ['main.js'], { cwd: project });
    assert.match(stdout, /\/service\/container\/exit/);
  });

  test('offers its entries and nothing else', async () => {
    const script = `
      for (const entry of ['ringcast', 'ringcast/worker', 'ringcast/events', 'ringcast/package.json'])
        await import(entry, entry.endsWith('.json') ? { with: { type: 'json' } } : {});
      await import('ringcast/dist/lib/core.js').then(() => process.exit(1), () => console.log('closed'));`;
    const args = ['--no-warnings', '--input-type=module', '-e', script];
    const { stdout } = await run(process.execPath, args, { cwd: project });
    assert.equal(stdout.trim(), 'closed');
  });

  test('loads nothing of OpenTelemetry with the bus, and says what is missing where it is asked for', async () => {
    assert.ok(!existsSync(join(project, 'node_modules/@opentelemetry')));
    const script = `
      const { createBus } = await import('ringcast');
      await createBus().close();
      await import('ringcast/opentelemetry').catch(({ message }) => console.log(message));`;
    const args = ['--no-warnings', '--input-type=module', '-e', script];
    const { stdout } = await run(process.execPath, args, { cwd: project });
    assert.match(stdout, /@opentelemetry\/api/);
  });

  test('loads and installs nothing of bridges with the bus, and has less than 150 kB of them', () => {
    const isBridge = (source: string): boolean => source.includes('src/bridges/');
    const bridgesOf = (entry: string): string[] =>
      [...addLoaded(`dist/lib/${entry}.js`, new Set())].flatMap(sourcesOf).filter(isBridge);
    for (const entry of ['index', 'worker-entry', 'module-bus', 'host-thread', 'stats-thread', 'events', 'cli'])
      assert.deepEqual(bridgesOf(entry), [], entry);
    for (const entry of ['ttrpc', 'containerd', 'nats']) assert.ok(bridgesOf(entry).length > 5, entry);

    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, object>;
    const peers = ['@grpc/grpc-js', '@nats-io/jetstream', '@nats-io/transport-node'];
    const optional = manifest.peerDependenciesMeta as Record<string, { optional: boolean }>;
    for (const peer of peers) assert.equal(optional[peer]?.optional, true, peer);
    assert.ok(peers.every((peer) => !(peer in manifest.dependencies!)));

    const theirs = packed.filter(
      (file) =>
        /\/bridges\/|\/(mirror|shim-wrapper)-command\./.test(file) ||
        sourcesOf(file.replace(/\.map$/, '')).some(isBridge) ||
        /^dist\/lib\/(ttrpc|containerd|nats|mirror-command|shim-wrapper-command)\./.test(file),
    );
    // As npm packs them: one after the other, compressed together.
    const bytes = gzipSync(Buffer.concat(theirs.map((file) => readFileSync(join(root, file))))).length;
    assert.ok(theirs.length > 50, 'the bridges were found');
    assert.ok(bytes < 150_000, `${theirs.length} files of ${bytes} bytes, packed`);
  });

  test('can be required too', async () => {
    const script = "console.log(typeof require('ringcast').createBus)";
    const { stdout } = await run(process.execPath, ['--input-type=commonjs', '-e', script], { cwd: project });
    assert.equal(stdout.trim(), 'function');
  });

  test('says how to install what a bridge needs, when the bridge is asked for', async () => {
    for (const name of ['@grpc', '@nats-io']) assert.ok(!existsSync(join(project, 'node_modules', name)));
    const script = `
      import { createBus } from 'ringcast';
      import { fromContainerd, toContainerd } from 'ringcast/containerd';
      import { natsBridge } from 'ringcast/nats';
      import { publishTo, serveEvents } from 'ringcast/ttrpc';
      const bus = createBus();
      const connection = { isClosed: () => false };
      for (const bridge of [
        () => fromContainerd(bus, { address: '/none' }),
        () => toContainerd(bus, '/**', { address: '/none' }),
        () => natsBridge(bus, { connection, stream: 'S', in: {} }),
      ]) await bridge().catch(({ code, install }) => console.log(code, install));
      bus.subscribe('/a', ({ event }) => console.log('got', event.id));
      await serveEvents(bus, { address: 'events.ttrpc' });
      const publisher = publishTo('events.ttrpc');
      await publisher.publish('/a', { id: 1 });
      publisher.close();
      console.log('left behind', bus.stats().bridges.length - 1);
      await bus.close();`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: project });
    const nats = 'BRIDGE_MISSING_PEER npm install @nats-io/jetstream@3 @nats-io/transport-node@3';
    const grpc = 'BRIDGE_MISSING_PEER npm install @grpc/grpc-js@1';
    assert.deepEqual(stdout.trim().split('\n').sort(), [grpc, grpc, nats, 'got 1', 'left behind 0']);
  });

  test('brings its types, its .proto files and its command, and no tests', async () => {
    for (const file of [
      'dist/types/index.d.ts',
      'dist/types/index.d.cts',
      'dist/lib/events.js',
      'proto/containerd/types/envelope.proto',
    ]) {
      assert.ok(existsSync(join(installed, file)), file);
    }
    for (const folder of ['dist/test', 'dist/src', 'src/build'])
      assert.ok(!existsSync(join(installed, folder)), folder);
    const { stdout } = await run(join(project, 'node_modules/.bin/ringcast'), ['--version'], { cwd: project });
    assert.equal(
      stdout.trim(),
      (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version,
    );
  });
});
