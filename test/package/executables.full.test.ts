/** Single executable applications of Node: the program is inside; modules, and ringcast with its packages, lie beside it. */
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { UserProject } from '../support/user-project.js';

const project = new UserProject();
after(() => project.remove());

const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
const app = (load: string): string => `
  const { createRequire } = require('node:module');
  const { pathToFileURL } = require('node:url');
  const { createBus } = ${load}('ringcast');
  const bus = createBus();
  bus.subscribe('/a', pathToFileURL(createRequire(process.execPath).resolve('./audit.mjs')), { name: 'audit' });
  bus.publish('/a', { id: 'c1' });
  bus.close({ drainTimeoutMs: Infinity });`;

describe('a single executable application', { timeout: 1_800_000 }, () => {
  before(async () => {
    await project.install('esbuild@0.28', 'postject@1.0.0-alpha.6');
    project.write({
      'beside.cjs': app('createRequire(process.execPath)'),
      'src/inside.cjs': app('require'),
      'audit.mjs': 'export default ({ event }, { name }) => console.log(name, event.id);',
    });
    const flags = ['--bundle', '--platform=node', '--format=cjs', '--log-level=error', '--outfile=inside.cjs'];
    await project.run('esbuild', 'src/inside.cjs', ...flags);
  });

  for (const name of ['beside', 'inside']) {
    test(`starts threads with ringcast ${name}`, async () => {
      const config = { main: `${name}.cjs`, output: `${name}.blob`, disableExperimentalSEAWarning: true };
      project.write({ [`${name}.json`]: JSON.stringify(config) });
      await project.run(process.execPath, '--experimental-sea-config', `${name}.json`);
      const executable = join(project.folder, name);
      copyFileSync(process.execPath, executable);
      chmodSync(executable, 0o755);
      await project.run('postject', executable, 'NODE_SEA_BLOB', `${name}.blob`, '--sentinel-fuse', FUSE);
      assert.deepEqual(await project.run(executable), { stdout: 'audit c1\n', stderr: '' });
    });
  }
});
