/** A containerd of the test's own: in a folder and on sockets of its own, ended by its id. */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { temporaryDirectory } from './temporary-directory.js';

/** What the daemon tells of a container that is over at once. */
export const CONTAINER_LIFE = [
  '/containers/create',
  '/tasks/create',
  '/tasks/start',
  '/tasks/exit',
  '/tasks/delete',
  '/containers/delete',
];

const run = promisify(execFile);
const PROGRAMS = ['containerd', 'ctr', 'runc', 'busybox'];

/** Why there can be no containerd here; undefined: there can. */
export function noContainerd(): string | false {
  if (process.getuid?.() !== 0) return 'containerd runs as root';
  const missing = PROGRAMS.filter((program) => spawnSync('which', [program]).status !== 0);
  return missing.length > 0 && `not installed: ${missing.join(', ')}`;
}

/** Whether anybody takes connections at this socket. */
function isServed(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(address, () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

export class Containerd {
  readonly directory: string;
  readonly address: string;
  readonly ttrpcAddress: string;
  #daemon: ChildProcess | undefined;

  private constructor(directory: string) {
    this.directory = directory;
    this.address = join(directory, 'containerd.sock');
    this.ttrpcAddress = `${this.address}.ttrpc`;
  }

  static async start(t: Pick<TestContext, 'after'>): Promise<Containerd> {
    let daemon: Containerd | undefined;
    const directory = await temporaryDirectory(t, async () => daemon?.stop());
    daemon = new Containerd(directory);
    daemon.#prepare();
    await daemon.start();
    return daemon;
  }

  /** Starts the daemon, again after it was killed. `environment` is that of the shims, too. */
  async start(environment: NodeJS.ProcessEnv = process.env): Promise<void> {
    const config = join(this.directory, 'config.toml');
    this.#daemon = spawn('containerd', ['-c', config, '-l', 'error'], { stdio: 'ignore', env: environment });
    for (;;) {
      // Cheaper than a program that finds nobody there.
      while (!(await isServed(this.address))) await sleep(20);
      if (
        await this.ctr('version').then(
          () => true,
          () => false,
        )
      )
        return;
      await sleep(50);
    }
  }

  get pid(): number {
    return this.#daemon!.pid!;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const daemon = this.#daemon;
    if (daemon === undefined || daemon.exitCode !== null || daemon.signalCode !== null) return;
    const exited = once(daemon, 'exit');
    daemon.kill(signal);
    await exited;
  }

  async stop(): Promise<void> {
    await this.kill('SIGTERM');
    // What it left mounted would be removed through the mount.
    await run('sh', ['-c', `grep -o '${this.directory}[^ ]*' /proc/mounts | sort -r | xargs -r -n1 umount -l`]).catch(
      () => {},
    );
  }

  async ctr(...args: readonly string[]): Promise<string> {
    return (await run('ctr', ['-a', this.address, ...args])).stdout;
  }

  /** Runs a container that is over at once; six events. */
  async runContainer(id: string, ...options: readonly string[]): Promise<void> {
    await this.ctr('run', '--rm', ...options, ...this.runOptions, id, '/bin/true');
  }

  /** For `ctr run`. runc's own folder is that of the machine, where ids of other daemons may be the same. */
  get runOptions(): readonly string[] {
    const { directory } = this;
    return ['--runc-root', join(directory, 'runc'), '--rootfs', join(directory, 'rootfs')];
  }

  #prepare(): void {
    const { directory, address, ttrpcAddress } = this;
    const bin = join(directory, 'rootfs/bin');
    mkdirSync(bin, { recursive: true });
    copyFileSync(spawnSync('which', ['busybox'], { encoding: 'utf8' }).stdout.trim(), join(bin, 'busybox'));
    chmodSync(join(bin, 'busybox'), 0o755);
    for (const name of ['true', 'sh']) if (!existsSync(join(bin, name))) symlinkSync('busybox', join(bin, name));
    const plugins = [
      'io.containerd.grpc.v1.cri',
      'io.containerd.internal.v1.opt',
      'io.containerd.tracing.processor.v1.otlp',
    ];
    for (const name of ['btrfs', 'zfs', 'devmapper', 'aufs']) plugins.push(`io.containerd.snapshotter.v1.${name}`);
    const config = `version = 2
root = ${JSON.stringify(join(directory, 'root'))}
state = ${JSON.stringify(join(directory, 'state'))}
disabled_plugins = ${JSON.stringify(plugins)}
[grpc]
  address = ${JSON.stringify(address)}
[ttrpc]
  address = ${JSON.stringify(ttrpcAddress)}
`;
    writeFileSync(join(directory, 'config.toml'), config);
  }
}
