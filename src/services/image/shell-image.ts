/** A small image with a shell, from what this machine has: a static busybox, else copies of its tools. */
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { ArchiveInput } from '../rootfs/tar-writer.js';
import { buildImageArchive } from './image-archive.js';

const BUSYBOX_PATHS = ['/bin/busybox', '/usr/bin/busybox'];
const PT_INTERP = 3;
const TOOLS = ['sh', 'sleep', 'cat', 'tail', 'id', 'hostname', 'ls'];

/** Where a busybox is installed that needs no libraries, and so runs in isolation; undefined where none is. */
export function findBusybox(): string | undefined {
  return BUSYBOX_PATHS.find((path) => existsSync(path) && isStatic(path));
}

/** Whether a 64-bit, little-endian ELF program has no PT_INTERP header, which would name its dynamic linker. See elf(5). */
function isStatic(path: string): boolean {
  const start = Buffer.alloc(4096);
  const file = openSync(path, 'r');
  try {
    readSync(file, start, 0, start.length, 0);
  } finally {
    closeSync(file);
  }
  if (start.readUInt32BE(0) !== 0x7f454c46 || start.readUInt16BE(4) !== 0x0201) return false;
  const [headersAt, headerBytes, count] = [
    Number(start.readBigUInt64LE(32)),
    start.readUInt16LE(54),
    start.readUInt16LE(56),
  ];
  if (headersAt + count * headerBytes > start.length) return false;
  const types = Array.from({ length: count }, (_, at) => start.readUInt32LE(headersAt + at * headerBytes));
  return !types.includes(PT_INTERP);
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
    environment: ['PATH=/bin', 'GREETING=hello'],
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
