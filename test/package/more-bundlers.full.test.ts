/** Bundlers that fewer people use, with what `src/subscribe/README.md` says that each needs; ringcast is installed where bundles run. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { inAnyOrder, UserProject } from '../support/user-project.js';

/** What Parcel reads. */
const targets = { default: { context: 'node', outputFormat: 'esmodule', scopeHoist: false } };
const project = new UserProject({ targets });
after(() => project.remove());

const app = (module: string, first = ''): string => `
  import { createBus } from 'ringcast';
  ${first}
  const bus = createBus();
  bus.subscribe('/service/**', ${module}, { name: 'audit' });
  bus.subscribe('/service/container/exit', ({ event }) => console.log('exit', event.status));
  bus.publish('/service/container/exit', { id: 'c1', status: 137 });
  await bus.close({ drainTimeoutMs: Infinity });`;
const PRINTS = inAnyOrder({ stdout: 'exit 137\naudit <c1>\n', stderr: '' });

const config = (out: string): string => `
  import { resolve } from 'node:path';
  export default {
    mode: 'production', target: 'node20', devtool: false,
    entry: { app: './src/app.js', audit: './src/audit.js', here: './src/here.js' },
    experiments: { outputModule: true },
    output: { path: resolve('${out}'), filename: '[name].js', module: true, chunkFormat: 'module', library: { type: 'module' } },
    module: { parser: { javascript: { url: false, importMeta: false } } },
  };`;
const RUN = (name: string): string => `
  import * as bundler from '${name}';
  import config from './config.${name.replace(/\W/g, '')}.js';
  const run = bundler.rspack ?? bundler.default;
  run(config, (error, stats) => {
    console.log(error ?? stats.toString({ preset: 'none', warnings: true, errors: true }));
  });`;

describe('a bundle', { timeout: 1_800_000 }, () => {
  before(async () => {
    const bundlers = [
      '@rspack/core@2',
      'webpack@5',
      'rolldown@1',
      'tsup@8',
      'tsdown@0.21',
      '@vercel/ncc@0.45',
      'parcel@2',
    ];
    await project.install(...bundlers, 'typescript@5');
    project.write({
      'src/app.js': app("new URL('./audit.js', import.meta.url)"),
      'src/ncc.js': app("new URL('./audit/index.js', here)", 'const here = import.meta.url;'),
      'src/parcel.js': app("new URL('./audit.js', import.meta.url)").replace('await ', ''),
      // A module on the thread of a test, which code within the bundle imports.
      'src/here.js': `
        import { createTestBus } from 'ringcast/testing';
        const bus = createTestBus();
        await bus.subscribeInThread('/a', new URL('./audit.js', import.meta.url), { name: 'here' });
        bus.publish('/a', { id: 'c2' });
        await bus.settled();
        await bus.close({ drainTimeoutMs: Infinity });`,
      'src/audit.js': `
        import { shown } from './shown.js';
        export default (envelope, { name }) => console.log(name, shown(envelope.event.id));`,
      'src/shown.js': "export const shown = (id) => '<' + id + '>';",
      'config.webpack.js': config('out/webpack'),
      'config.rspackcore.js': config('out/rspack'),
      'webpack.js': RUN('webpack'),
      'rspack.js': RUN('@rspack/core'),
      'tsup.config.js':
        "export default { entry: ['src/app.js', 'src/audit.js'], format: ['esm'], noExternal: ['ringcast'], outDir: 'out/tsup' };",
      'tsdown.config.js':
        "export default { entry: ['src/app.js', 'src/audit.js'], fixedExtension: false, noExternal: [/^ringcast/], outDir: 'out/tsdown' };",
    });
  });

  for (const name of ['webpack', 'rspack']) {
    test(`of ${name} is made without a warning, and imports modules on its own thread too`, async () => {
      assert.deepEqual(await project.run('node', `${name}.js`), { stdout: '\n', stderr: '' });
      assert.deepEqual(inAnyOrder(await project.run('node', `out/${name}/app.js`)), PRINTS);
      assert.deepEqual(await project.run('node', `out/${name}/here.js`), { stdout: 'here <c2>\n', stderr: '' });
    });
  }

  const BUILDS: Readonly<Record<string, readonly [main: string, ...commands: (readonly [string, ...string[]])[]]>> = {
    Rolldown: [
      'out/rolldown/app.js',
      ['rolldown', 'src/app.js', 'src/audit.js', '-d', 'out/rolldown', '--platform', 'node'],
    ],
    tsup: ['out/tsup/app.js', ['tsup']],
    tsdown: ['out/tsdown/app.js', ['tsdown']],
    ncc: [
      'out/ncc/index.js',
      ['ncc', 'build', 'src/ncc.js', '-o', 'out/ncc'],
      ['ncc', 'build', 'src/audit.js', '-o', 'out/ncc/audit'],
    ],
    Parcel: ['out/parcel/parcel.js', ['parcel', 'build', 'src/parcel.js', '--dist-dir', 'out/parcel']],
  };
  for (const [name, [main, ...commands]] of Object.entries(BUILDS)) {
    test(`of ${name} runs, threads included`, async () => {
      for (const [command, ...args] of commands) await project.run(command, ...args);
      assert.deepEqual(inAnyOrder(await project.run('node', main)), PRINTS);
    });
  }
});
