/** Installing with the package managers people use, and the README's first example there, in strict TypeScript with npm and pnpm. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { inAnyOrder, packedPackage, readmeExample, readmePromise, UserProject } from '../support/user-project.js';

const tools = new UserProject();
after(() => tools.remove());

/** What package managers print when something is not as they want it. */
const COMPLAINT = /warn|error|deprecated|ignored|approve|script/i;

describe('ringcast is installed', { timeout: 1_800_000, concurrency: 2 }, () => {
  before(async () => {
    await tools.run(
      'npm',
      'install',
      '--no-audit',
      '--no-fund',
      '--prefer-offline',
      'pnpm',
      'yarn@1',
      'berry@npm:@yarnpkg/cli-dist',
    );
  });

  /** Adds a package with a package manager, and gives what that has printed. */
  const MANAGERS: Readonly<Record<string, (project: UserProject, ...packages: string[]) => Promise<string>>> = {
    async npm(project, ...packages) {
      const { stdout, stderr } = await project.run('npm', 'install', '--prefer-offline', ...packages);
      return stdout + stderr;
    },
    async pnpm(project, ...packages) {
      project.prefer(`${tools.folder}/node_modules/.bin`);
      const { stdout, stderr } = await project.run('pnpm', 'add', '--store-dir', `${tools.folder}/store`, ...packages);
      return stdout + stderr;
    },
    async 'Yarn 1'(project, ...packages) {
      const yarn = `${tools.folder}/node_modules/yarn/bin/yarn.js`;
      const { stderr } = await project.run(
        'node',
        yarn,
        'add',
        '--no-progress',
        '--cache-folder',
        `${tools.folder}/yarn`,
        ...packages,
      );
      // Said of every folder that has no licence.
      return stderr.replace(/^warning .*No license field\n/gm, '');
    },
    async 'Yarn 4'(project, ...packages) {
      project.write({
        'yarn.lock': '',
        '.yarnrc.yml': `nodeLinker: node-modules\nglobalFolder: ${tools.folder}/berry\nenableTelemetry: false\n`,
      });
      const yarn = `${tools.folder}/node_modules/berry/bin/yarn.js`;
      const specifiers = packages.map((name) => (name.endsWith('.tgz') ? `ringcast@file:${name}` : name));
      const { stdout, stderr } = await project.run('node', yarn, 'add', ...specifiers);
      return stdout + stderr;
    },
  };

  for (const [name, add] of Object.entries(MANAGERS)) {
    test(`by ${name} without a complaint, and runs there`, async (t) => {
      const project = new UserProject();
      t.after(() => project.remove());
      assert.doesNotMatch(await add(project, await packedPackage()), COMPLAINT);
      const { 'audit.ts': audit, 'main.ts': main } = readmeExample();
      if (name.startsWith('Yarn')) {
        // What the compiler makes of them.
        project.write({
          'main.js': main!,
          'audit.js': audit!.replace(/^import type.*$/m, '').replace(/: Subscriber.* = /, ' = '),
        });
      } else {
        await add(project, 'typescript');
        project.write({ 'main.ts': main!, 'audit.ts': audit! });
        await project.run('node', 'node_modules/typescript/bin/tsc', '--strict', 'main.ts', 'audit.ts');
      }
      const promised = inAnyOrder({ stdout: readmePromise(), stderr: '' });
      assert.deepEqual(inAnyOrder(await project.run('node', 'main.js')), promised);
    });
  }
});
