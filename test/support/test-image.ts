/** The image that container tests run, and whether they can run it with runc. */
import { RuncRuntime } from '../../src/services/container/runc-runtime.js';
import { buildShellImage, findBusybox } from '../../src/services/image/shell-image.js';

export const TEST_IMAGE = 'example.test/shell:1';

export function testImageArchive(): Promise<Buffer> {
  return buildShellImage(TEST_IMAGE);
}

/** Why tests with runc cannot run here; false where they can. */
export async function runcMissing(): Promise<string | false> {
  if (!findBusybox()) return 'needs a static busybox (Debian package busybox-static)';
  return (await RuncRuntime.isAvailable())
    ? false
    : 'needs root with CAP_SYS_ADMIN, and the program runc (Debian package runc)';
}

/** What an image of one layer and one container of it make of themselves: imported, created, run to its end, deleted. */
export const CONTAINER_TOPICS = [
  '/service/content/write',
  '/service/content/write',
  '/service/content/write',
  '/service/image/register',
  '/service/rootfs/prepare',
  '/service/rootfs/commit',
  '/service/rootfs/prepare',
  '/service/container/create',
  '/service/container/start',
  '/service/container/exit',
  '/service/rootfs/remove',
  '/service/container/delete',
];
