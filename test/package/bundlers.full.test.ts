/** Bundles of programs with a subscriber module, made as the README says, and run where ringcast is installed. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { inAnyOrder, UserProject } from '../support/user-project.js';

const project = new UserProject();
after(() => project.remove());

const PRINTS = inAnyOrder({ stdout: 'here x1\naudit <x1>\n{"undelivered":0}\n', stderr: '' });

/** The one line that webpack needs. */
const WEBPACK_LINE = 'module: { parser: { javascript: { url: false, importMeta: false } } }';

const webpackConfig = (out: string, more: string): string => `
  import { resolve } from 'node:path';
  export default {
    mode: 'production', target: 'node20', devtool: false,
    entry: { app: './src/app.js', audit: './src/audit.js' },
    experiments: { outputModule: true },
    output: { path: resolve('${out}'), filename: '[name].js', module: true, library: { type: 'module' } },
    ${WEBPACK_LINE}, ${more}
  };`;
const viteConfig = (out: string, more: string): string => `
  export default {
    ${more}
    build: { ssr: true, outDir: '${out}', rollupOptions: { input: ['src/app.js', 'src/audit.js'] } },
  };`;
const ESBUILD = ['src/app.js', 'src/audit.js', '--bundle', '--platform=node', '--log-level=warning'];
const ROLLUP = ['src/app.js', 'src/audit.js', '--silent', '-d'];

/** Commands, each with the folder it writes; all with and without ringcast in the bundle. */
const BUNDLES: readonly (readonly [name: string, out: string, command: string, ...args: string[]])[] = [
  ['esbuild', 'out/1', 'esbuild', ...ESBUILD, '--format=esm', '--outdir=out/1'],
  ['esbuild, external', 'out/2', 'esbuild', ...ESBUILD, '--format=esm', '--outdir=out/2', '--external:ringcast'],
  ['Rollup', 'out/3', 'rollup', ...ROLLUP, 'out/3', '-p', 'node-resolve', '-p', 'commonjs'],
  ['Rollup, external', 'out/4', 'rollup', ...ROLLUP, 'out/4', '--external', 'ringcast'],
  ['Vite', 'out/5', 'vite', 'build', '--logLevel', 'warn', '-c', 'vite.inside.js'],
  ['Vite, external', 'out/6', 'vite', 'build', '--logLevel', 'warn', '-c', 'vite.outside.js'],
  ['webpack', 'out/7', 'webpack', '-c', 'webpack.inside.js'],
  ['webpack, external', 'out/8', 'webpack', '-c', 'webpack.outside.js'],
];

describe('a bundle', { timeout: 1_800_000 }, () => {
  before(async () => {
    const plugins = ['@rollup/plugin-node-resolve', '@rollup/plugin-commonjs'];
    await project.install('esbuild', 'rollup', ...plugins, 'vite@8', 'webpack@5', 'webpack-cli');
    project.write({
      'src/app.js': `
        import { createBus } from 'ringcast';
        const bus = createBus();
        bus.subscribe('/a', new URL('./audit.js', import.meta.url), { name: 'audit' });
        // A list and a regular expression: what is loaded when it is needed.
        bus.subscribe({ topics: '/{a,b}', where: 'event.id~="^x"' }, ({ event }) => console.log('here', event.id));
        bus.publish('/a', { id: 'x1' });
        console.log(JSON.stringify(await bus.close({ drainTimeoutMs: Infinity })));`,
      'src/audit.js': `
        import { shown } from './shown.js';
        export default (envelope, { name }) => console.log(name, shown(envelope.event.id));`,
      'src/shown.js': "export const shown = (id) => '<' + id + '>';",
      'src/app.cjs': `
        const { join } = require('node:path');
        const { pathToFileURL } = require('node:url');
        const { createBus } = require('ringcast');
        const bus = createBus();
        bus.subscribe('/{a,b}', pathToFileURL(join(__dirname, 'audit.js')), { name: 'audit' });
        bus.subscribe('/{a,b}', ({ event }) => console.log('here', event.id));
        bus.publish('/a', { id: 'x1' });
        bus.close({ drainTimeoutMs: Infinity }).then((result) => console.log(JSON.stringify(result)));`,
      'vite.inside.js': viteConfig('out/5', 'ssr: { noExternal: true },'),
      'vite.outside.js': viteConfig('out/6', ''),
      'webpack.inside.js': webpackConfig('out/7', ''),
      'webpack.outside.js': webpackConfig('out/8', "externals: { ringcast: 'module ringcast' },"),
    });
  });

  for (const [name, out, command, ...args] of BUNDLES) {
    test(`of ${name} runs, threads included`, async () => {
      await project.run(command, ...args);
      assert.deepEqual(inAnyOrder(await project.run('node', `${out}/app.js`)), PRINTS);
    });
  }

  test('of webpack needs the line that the README names', () => {
    const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
    assert.ok(readme.includes(WEBPACK_LINE));
  });

  test('that is CommonJS runs, too, where ringcast is part of it', async () => {
    const out = '--outdir=out/9';
    const names = ['--format=cjs', '--out-extension:.js=.cjs'];
    await project.run('esbuild', 'src/app.cjs', '--bundle', '--platform=node', '--log-level=error', ...names, out);
    cpSync(join(project.folder, 'out/1/audit.js'), join(project.folder, 'out/9/audit.js'));
    assert.deepEqual(inAnyOrder(await project.run('node', 'out/9/app.cjs')), PRINTS);
  });

  test('that runs where ringcast is not installed says at once what to do', async () => {
    const bare = new UserProject();
    after(() => bare.remove());
    mkdirSync(join(bare.folder, 'out'));
    cpSync(join(project.folder, 'out/1'), join(bare.folder, 'out'), { recursive: true });
    writeFileSync(
      join(bare.folder, 'run.js'),
      "await import('./out/app.js').catch(({ code, message }) => console.log(code, message));",
    );
    const { stdout } = await bare.run('node', 'run.js');
    assert.match(
      stdout,
      /^BUS_DEPENDENCY_NOT_FOUND .*mark 'ringcast' as external.*install it where the bundle runs\n$/,
    );
  });
});
