/** A folder outside the repository with the packed package in it, where tests do what users do. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../../', import.meta.url));
/** `npm run build` removes it. */
const tarball = join(root, 'dist/packed/ringcast.tgz');

export interface Printed {
  readonly stdout: string;
  readonly stderr: string;
}

/** The package as it would be published: packed once after a build, whoever asks first. */
export async function packedPackage(): Promise<string> {
  if (existsSync(tarball)) return tarball;
  mkdirSync(dirname(tarball), { recursive: true });
  const folder = mkdtempSync(join(dirname(tarball), 'packing-'));
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const { stdout } = await promisify(execFile)('npm', args, { cwd: root, maxBuffer: 2 ** 26 });
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  renameSync(join(folder, filename), tarball);
  rmSync(folder, { recursive: true });
  return tarball;
}

/** The README's first example, by the names of its files. */
export function readmeExample(): Record<string, string> {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  return Object.fromEntries(
    [...readme.matchAll(/```ts\n\/\/ (\w+\.ts)\b.*\n([\s\S]*?)```/g)].map(([, name, text]) => [name, text]),
  );
}

/** The lines that the README promises of it. */
export function readmePromise(): string {
  const { 'main.ts': main } = readmeExample();
  return [...main!.matchAll(/^\/\/ prints: (.*)$/gm)].map(([, line]) => `${line}\n`).join('');
}

/** The lines sorted: what two threads print comes in any order. */
export function inAnyOrder({ stdout, stderr }: Printed): Printed {
  return { stdout: stdout.split('\n').sort().join('\n'), stderr };
}

export class UserProject {
  readonly folder = mkdtempSync(join(tmpdir(), 'ringcast-user-'));
  /** Searched for commands before the PATH. */
  readonly #bins = [join(this.folder, 'node_modules/.bin')];

  /** @param manifest fields of its `package.json` */
  constructor(manifest: object = {}) {
    this.write({ 'package.json': JSON.stringify({ name: 'user', private: true, type: 'module', ...manifest }) });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Files by their paths. */
  write(files: Readonly<Record<string, string>>): void {
    for (const [path, text] of Object.entries(files)) {
      const file = join(this.folder, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
  }

  /** Installs the packed package, and others from the registry. */
  async install(...packages: readonly string[]): Promise<Printed> {
    const quiet = ['--no-audit', '--no-fund', '--prefer-offline'];
    return this.run('npm', 'install', ...quiet, await packedPackage(), ...packages);
  }

  /** Lets commands of that folder come first, such as another version of Node. */
  prefer(bin: string): void {
    this.#bins.unshift(bin);
  }

  /** Runs a command there to its end; rejects with all it printed when its exit code is not 0. */
  async run(command: string, ...args: readonly string[]): Promise<Printed> {
    const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, ...env } = process.env;
    const options = {
      cwd: this.folder,
      env: { ...env, PATH: [...this.#bins, env.PATH].join(delimiter), NO_COLOR: '1' },
      maxBuffer: 2 ** 26,
      // Ends a command that hangs. On a crowded machine, an install of 450 packages took ten minutes.
      timeout: 900_000,
    };
    try {
      return await promisify(execFile)(command, args, options);
    } catch (error) {
      const { stdout, stderr, message } = error as Error & Printed;
      throw new Error(`${message}\n${stdout}\n${stderr}`, { cause: error });
    }
  }
}
