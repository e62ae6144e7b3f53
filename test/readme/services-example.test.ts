/** The examples of the services, compiled and executed as they stand there. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findBusybox } from '../../src/services/index.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { CONTAINER_TOPICS, runcMissing, testImageArchive } from '../support/test-image.js';
import { compile } from '../support/typescript.js';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../../', import.meta.url));
// Below the package, where its own name resolves to it.
const folder = mkdtempSync(join(root, 'dist', 'readme-services-'));
after(() => rmSync(folder, { recursive: true }));

const page = readFileSync(join(root, 'src/services/README.md'), 'utf8');
const [example = '', threads = ''] = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);

/** What the default runtime makes of it: that has no memory limits. */
const withoutRunc = example.replace(", runtime: 'runc'", '').replace(', memoryBytes: 8 * 1024 * 1024', '');

const STRICT = ['--strict', '--noUncheckedIndexedAccess', '--exactOptionalPropertyTypes', '--skipLibCheck'];
const TARGET = ['--module', 'nodenext', '--target', 'es2023', '--lib', 'es2023,esnext.disposable', '--types', 'node'];

const RUNC_MISSING = await runcMissing();

describe('the example of the services', () => {
  before(async () => {
    for (const code of [example, threads]) assert.match(code, /openServices/, 'the page has two examples');
    writeFileSync(join(folder, 'runc.ts'), example);
    writeFileSync(join(folder, 'process.ts'), withoutRunc);
    writeFileSync(join(folder, 'threads.ts'), threads);
    const args = ['--ignoreConfig', ...STRICT, ...TARGET, 'runc.ts', 'process.ts', 'threads.ts'];
    await compile(args, folder).catch((error: { stdout: string }) => assert.fail(error.stdout));
  });

  for (const [runtime, title] of [
    ['runc', 'runs as it stands, in the directory where it is started'],
    ['process', 'runs with the default runtime, but for the memory limit'],
  ] as const) {
    const skip = runtime === 'runc' && RUNC_MISSING;

    it(title, { skip }, async (t) => {
      const directory = await temporaryDirectory(t);
      await writeFile(join(directory, 'image.tar'), await testImageArchive());
      const { stdout, stderr } = await run(process.execPath, [join(folder, `${runtime}.js`)], { cwd: directory });
      assert.deepEqual(stdout.match(/(?<= default )\/service\/\S+/g), CONTAINER_TOPICS);
      assert.match(stdout, /^\{\n? *exitStatus: 0,/m);
      assert.equal(stderr, '');
      assert.deepEqual((await readdir(directory)).sort(), ['image.tar', 'state']);
    });
  }

  it('unpacks in threads, which emit between what the caller does', {
    skip: findBusybox() === undefined,
  }, async (t) => {
    const directory = await temporaryDirectory(t);
    await writeFile(join(directory, 'image.tar'), await testImageArchive());
    const { stdout, stderr } = await run(process.execPath, [join(folder, 'threads.js')], { cwd: directory });
    const rootfs = ['/service/rootfs/prepare', '/service/rootfs/commit'];
    const expected = [...CONTAINER_TOPICS.slice(0, 4), '/image/unpacking', ...rootfs, '/image/unpacked'];
    assert.deepEqual(stdout.match(/(?<=^k8s\.io )(?!\/plugin\/).*/gm), expected);
    assert.equal(stderr, '');
  });

  it('uses runc, with a memory limit, which only the one for the default runtime omits', () => {
    assert.match(example, /runtime: 'runc'.*memoryBytes/s);
    assert.doesNotMatch(withoutRunc, /'runc'|memoryBytes/);
  });
});
