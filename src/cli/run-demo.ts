/** `ringcast run --demo`: an image of this machine's shell, and containers of it that end in different ways. */
import { Readable } from 'node:stream';
import { nextTurn } from '../host/timing.js';
import { buildShellImage, findBusybox, RuncRuntime, type Services } from '../services/index.js';
import { runToEnd } from './run-container.js';
import type { ContainerdRun } from './run-in-containerd.js';

const IMAGE = 'ringcast.test/demo:latest';

interface Scene {
  title: string;
  args: readonly string[];
  memoryBytes?: number;
  /** Sent once it runs. */
  signal?: NodeJS.Signals;
  expectedStatus: number;
}

const SCENES: readonly Scene[] = [
  { title: 'a container that ends well', args: ['sh', '-c', 'echo hello'], expectedStatus: 0 },
  { title: 'a container that fails with 3', args: ['sh', '-c', 'exit 3'], expectedStatus: 3 },
  { title: 'a container that is killed', args: ['sleep', '60'], signal: 'SIGKILL', expectedStatus: 137 },
];

const OUT_OF_MEMORY: Scene = {
  title: 'a container that runs out of memory',
  args: ['tail', '/dev/zero'],
  memoryBytes: 8 * 2 ** 20,
  expectedStatus: 137,
};

/** What was asked for, else runc where it can work. */
export async function chooseDemoRuntime(asked: 'runc' | 'process' | undefined): Promise<'runc' | 'process'> {
  if (asked) return asked;
  return findBusybox() && (await RuncRuntime.isAvailable()) ? 'runc' : 'process';
}

/** @returns 0 if every container ended as it was meant to, else 1 */
export async function runDemo(services: Services, runtime: 'runc' | 'process', signal: AbortSignal): Promise<number> {
  await say(`an image of this machine's shell, run with the runtime ${runtime}`);
  await services.importer.importArchive(Readable.from([await buildShellImage(IMAGE)]));
  const scenes = runtime === 'runc' ? [...SCENES, OUT_OF_MEMORY] : SCENES;
  const exitCode = await playAll(scenes, (scene) => play(scene, services, signal));
  if (runtime !== 'runc') await say('skipped: a container that runs out of memory, which needs runc and root');
  return exitCode;
}

/** The same in a running containerd. */
export async function runContainerdDemo(containerd: ContainerdRun): Promise<number> {
  await say("an image of this machine's shell, run by containerd");
  const image = await containerd.importImage(await buildShellImage(IMAGE));
  return playAll([...SCENES, OUT_OF_MEMORY], (scene, index) =>
    containerd.run(image, { id: `demo-${index}`, ...scene }),
  );
}

async function playAll(
  scenes: readonly Scene[],
  playOne: (scene: Scene, index: number) => Promise<number>,
): Promise<number> {
  let surprises = 0;
  for (const [index, scene] of scenes.entries()) {
    await say(scene.title);
    const exitStatus = await playOne(scene, index);
    if (exitStatus === scene.expectedStatus) continue;
    surprises++;
    await say(`it ended with ${exitStatus}, not with ${scene.expectedStatus}`);
  }
  return surprises === 0 ? 0 : 1;
}

async function play(scene: Scene, { containers }: Services, signal: AbortSignal): Promise<number> {
  const container = await containers.create({
    image: IMAGE,
    args: scene.args,
    stdio: ['ignore', process.stderr.fd, process.stderr.fd],
    signal,
    ...(scene.memoryBytes === undefined ? {} : { memoryBytes: scene.memoryBytes }),
  });
  return runToEnd(container, signal, async () => {
    if (scene.signal) await container.kill(scene.signal);
  });
}

/** Events are printed by a subscription, a turn of the loop later: let those before come before. */
async function say(text: string): Promise<void> {
  await nextTurn();
  process.stderr.write(`# ${text}\n`);
}
