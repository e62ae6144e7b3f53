/** A small image with a shell, from what this machine has: busybox where it is installed, else copies of its tools. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { ArchiveInput } from '../rootfs/tar-writer.js';
import { buildImageArchive } from './image-archive.js';

const BUSYBOX_PATHS = ['/bin/busybox', '/usr/bin/busybox'];
const TOOLS = ['sh', 'sleep', 'cat', 'tail', 'id', 'hostname', 'ls'];

/** Where busybox is installed; undefined where it is not. Only with a static one does the image run in isolation. */
export function findBusybox(): string | undefined {
  return BUSYBOX_PATHS.find((path) => existsSync(path));
}

/**
 * The image's archive, under the given name. Copies of the machine's own tools need its libraries: such an image runs
 * with the runtime `process` only.
 */
export async function buildShellImage(name: string): Promise<Buffer> {
  const busybox = findBusybox();
  const tools = busybox ? await busyboxFiles(busybox) : await copiedTools();
  return buildImageArchive({
    name,
    files: [...tools, { path: 'etc/passwd', body: 'root:x:0:0:root:/:/bin/sh\nguest:x:405:100:guest:/:/bin/sh\n' }],
    command: ['sh', '-c', 'exit 0'],
    environment: ['GREETING=hello'],
  });
}

async function busyboxFiles(busybox: string): Promise<ArchiveInput[]> {
  const links = TOOLS.map((tool) => ({ path: `bin/${tool}`, type: 'SymbolicLink' as const, linkPath: '/bin/busybox' }));
  return [{ path: 'bin/busybox', body: await readFile(busybox), mode: 0o755 }, ...links];
}

async function copiedTools(): Promise<ArchiveInput[]> {
  const present = TOOLS.filter((tool) => existsSync(`/bin/${tool}`));
  return Promise.all(
    present.map(async (tool) => ({ path: `bin/${tool}`, body: await readFile(`/bin/${tool}`), mode: 0o755 })),
  );
}
