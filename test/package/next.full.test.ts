/** Next.js and Nitro: a server that subscribes a module, in the folder that the build makes, where nothing else is installed. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { UserProject } from '../support/user-project.js';

const project = new UserProject({ type: undefined });
const moved = new UserProject();
after(() => {
  project.remove();
  moved.remove();
});

const readme = readFileSync(new URL('../../../src/subscribe/README.md', import.meta.url), 'utf8');
/** What the page says that Next needs. */
const [, CONFIG = ''] = /```js\n\/\/ next\.config\.mjs\n([\s\S]*?)```/.exec(readme) ?? [];
const [, NITRO_CONFIG = ''] = /```js\n\/\/ nitro\.config\.mjs\n([\s\S]*?)```/.exec(readme) ?? [];

describe('a server of Next', { timeout: 1_800_000 }, () => {
  before(async () => {
    await project.install('next@16', 'react@19', 'react-dom@19', 'typescript@5', '@types/react@19', '@types/node@22');
    project.write({
      'next.config.mjs': CONFIG.replace('export default {', "export default { output: 'standalone',"),
      'app/layout.tsx': `export default function Layout({ children }: { children: React.ReactNode }) {
        return <html><body>{children}</body></html>;
      }`,
      'app/orders/route.ts': `
        import { bus } from '../../bus';
        export async function POST(request: Request) {
          bus.publish('/orders/placed', await request.json());
          return Response.json('accepted');
        }`,
      // Next loads a module again for each bundle that it is in.
      'bus.ts': `
        import { type Bus, createBus } from 'ringcast';
        const shared = globalThis as { bus?: Bus };
        export const bus = (shared.bus ??= createBus());`,
      'instrumentation.ts': `
        export async function register() {
          if (process.env.NEXT_RUNTIME === 'nodejs') await import('./subscribe');
        }`,
      'subscribe.ts': `
        import { join } from 'node:path';
        import { pathToFileURL } from 'node:url';
        import { bus } from './bus';
        bus.subscribe('/orders/*', pathToFileURL(join(process.cwd(), 'subscribers/audit.mjs')), { name: 'audit' });`,
      'subscribers/audit.mjs': 'export default ({ topic, event }, { name }) => console.log(name, topic, event.id);',
    });
    await project.run('env', 'NEXT_TELEMETRY_DISABLED=1', 'next', 'build');
    // Where nothing else is installed.
    cpSync(join(project.folder, '.next/standalone'), moved.folder, { recursive: true, verbatimSymlinks: true });
  });

  test('hands what a route publishes to a module on a thread', async () => {
    const env = { ...process.env, PORT: '0', HOSTNAME: '127.0.0.1' };
    const server = spawn(process.execPath, ['server.js'], {
      cwd: moved.folder,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(server, 'exit');
    try {
      let posted = false;
      for await (const line of createInterface(server.stdout)) {
        const [url] = /http:\/\/(127\.0\.0\.1|localhost):\d+/.exec(line) ?? [];
        if (url !== undefined && !posted) {
          posted = true;
          const response = await fetch(`${url}/orders`, { method: 'POST', body: '{"id":"o1"}' });
          assert.equal(await response.json(), 'accepted');
        }
        if (line.startsWith('audit')) {
          assert.equal(line, 'audit /orders/placed o1');
          return;
        }
      }
      assert.fail('the server has ended');
    } finally {
      server.kill();
      await exited;
    }
  });
});

describe('a server of Nitro', { timeout: 1_800_000 }, () => {
  test('hands what it publishes to a module on a thread', async (t) => {
    const nitro = new UserProject();
    const built = new UserProject();
    t.after(() => {
      nitro.remove();
      built.remove();
    });
    await nitro.install('nitropack@2');
    nitro.write({
      'nitro.config.mjs': NITRO_CONFIG.replace(
        'default {',
        "default { compatibilityDate: '2026-01-01', srcDir: 'server',",
      ),
      'server/plugins/bus.ts': `
        import { join } from 'node:path';
        import { pathToFileURL } from 'node:url';
        import { createBus } from 'ringcast';
        export default defineNitroPlugin(() => {
          const bus = createBus();
          bus.subscribe('/orders/{new,paid}', pathToFileURL(join(process.cwd(), 'audit.mjs')), { name: 'audit' });
          bus.publish('/orders/new', { id: 'o1' });
        });`,
    });
    await nitro.run('nitropack', 'build');
    cpSync(join(nitro.folder, '.output'), join(built.folder, '.output'), { recursive: true, verbatimSymlinks: true });
    built.write({ 'audit.mjs': 'export default ({ topic, event }, { name }) => console.log(name, topic, event.id);' });
    const server = spawn(process.execPath, ['.output/server/index.mjs'], {
      cwd: built.folder,
      env: { ...process.env, NITRO_UNIX_SOCKET: 'socket' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(server, 'exit');
    try {
      for await (const line of createInterface(server.stdout)) {
        if (line.startsWith('audit')) {
          assert.equal(line, 'audit /orders/new o1');
          return;
        }
      }
      assert.fail('the server has ended');
    } finally {
      server.kill();
      await exited;
    }
  });
});
