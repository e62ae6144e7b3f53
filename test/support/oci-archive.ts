/** An OCI image archive as other programs write it: GNU tar and gzip pack the layers and the layout. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findBusybox } from '../../src/services/image/shell-image.js';

const TOOLS = ['sh', 'sleep', 'tail'];

export interface PackedImage {
  /** The archive. */
  readonly path: string;
  /** What an import has to write, in that order. */
  readonly blobs: readonly { readonly digest: string; readonly size: string; readonly mediaType: string }[];
  readonly diffIds: readonly string[];
}

/** Why there is nothing to pack with; false where there is. */
export function packingMissing(): string | false {
  try {
    return execFileSync('tar', ['--version'], { encoding: 'utf8' }).includes('GNU tar') ? false : 'needs GNU tar';
  } catch {
    return 'needs GNU tar';
  }
}

/** Packs an image of two layers below `directory`: a shell with `/etc/old`; `/etc/new`, and `/etc/old` taken away. */
export function packImage(directory: string, name: string): PackedImage {
  const lower = join(directory, 'lower');
  const upper = join(directory, 'upper');
  for (const folder of [join(lower, 'bin'), join(lower, 'etc'), join(upper, 'etc')]) {
    mkdirSync(folder, { recursive: true });
  }
  placeTools(join(lower, 'bin'));
  writeFileSync(join(lower, 'etc/old'), 'old\n');
  writeFileSync(join(upper, 'etc/new'), 'new\n');
  writeFileSync(join(upper, 'etc/.wh.old'), '');

  const layout = join(directory, 'layout');
  mkdirSync(join(layout, 'blobs/sha256'), { recursive: true });
  const blobs: { digest: string; size: string; mediaType: string }[] = [];
  const addBlob = (kind: string, bytes: Buffer) => {
    const mediaType = `application/vnd.oci.image.${kind}`;
    const digest = digestOf(bytes);
    writeFileSync(join(layout, 'blobs', digest.replace(':', '/')), bytes);
    blobs.push({ digest, size: `${bytes.length}`, mediaType });
    return { mediaType, digest, size: bytes.length };
  };
  const archives = [lower, upper].map((folder) => execFileSync('tar', ['-cC', folder, '.'], { maxBuffer: 2 ** 28 }));
  const layers = archives.map((archive) =>
    addBlob('layer.v1.tar+gzip', execFileSync('gzip', ['-1'], { input: archive, maxBuffer: 2 ** 28 })),
  );
  const diffIds = archives.map(digestOf);
  const config = addBlob('config.v1+json', json({ os: 'linux', rootfs: { type: 'layers', diff_ids: diffIds } }));
  const manifest = addBlob('manifest.v1+json', json({ schemaVersion: 2, config, layers }));
  const annotations = { 'io.containerd.image.name': name };
  writeFileSync(join(layout, 'index.json'), json({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }));
  writeFileSync(join(layout, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }));
  const path = join(directory, 'image.tar');
  execFileSync('tar', ['-cf', path, '-C', layout, '.']);
  return { path, blobs, diffIds };
}

function placeTools(folder: string): void {
  const busybox = findBusybox();
  if (busybox) copyFileSync(busybox, join(folder, 'busybox'));
  for (const tool of TOOLS) {
    if (busybox) symlinkSync('busybox', join(folder, tool));
    else if (existsSync(`/bin/${tool}`)) copyFileSync(`/bin/${tool}`, join(folder, tool));
  }
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
