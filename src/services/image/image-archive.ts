/** Builds an OCI image archive of one layer from files in memory: what the demo and the tests run. */
import { gzipSync } from 'node:zlib';
import { digestOf, hexOf } from '../content/digest.js';
import { loadTar } from '../rootfs/tar-package.js';
import { type ArchiveInput, encodeArchive } from '../rootfs/tar-writer.js';
import type { Descriptor } from './oci-documents.js';

export interface ImageInput {
  /** Full name of the image. */
  name: string;
  files: readonly ArchiveInput[];
  /** Default command. */
  command?: readonly string[];
  /** As `NAME=value`. */
  environment?: readonly string[];
}

/** The archive, uncompressed; its layer is gzip. The index names no platform: the image is for this machine. */
export async function buildImageArchive(image: ImageInput): Promise<Buffer> {
  const tar = await loadTar();
  const files: ArchiveInput[] = [{ path: 'oci-layout', body: JSON.stringify({ imageLayoutVersion: '1.0.0' }) }];
  const addBlob = (mediaType: string, body: Buffer | object): Descriptor => {
    const bytes = body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body));
    const digest = digestOf(bytes);
    files.push({ path: `blobs/sha256/${hexOf(digest)}`, body: bytes });
    return { mediaType, digest, size: bytes.length };
  };
  const layerArchive = encodeArchive(tar, image.files);
  const layer = addBlob('application/vnd.oci.image.layer.v1.tar+gzip', gzipSync(layerArchive));
  const config = addBlob('application/vnd.oci.image.config.v1+json', {
    os: 'linux',
    config: { Cmd: image.command ?? [], Env: image.environment ?? [] },
    rootfs: { type: 'layers', diff_ids: [digestOf(layerArchive)] },
  });
  const manifest = addBlob('application/vnd.oci.image.manifest.v1+json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config,
    layers: [layer],
  });
  const annotations = { 'io.containerd.image.name': image.name };
  const index = { schemaVersion: 2, manifests: [{ ...manifest, annotations }] };
  return encodeArchive(tar, [...files, { path: 'index.json', body: JSON.stringify(index) }]);
}
