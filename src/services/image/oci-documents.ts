/**
 * The JSON documents of an OCI image: index, manifest, configuration. Only the fields that are used, each checked;
 * Docker's older media types are read, too.
 *
 * @see https://github.com/opencontainers/image-spec (descriptor.md, image-index.md, manifest.md, config.md)
 */
import { type Digest, isDigest } from '../content/digest.js';
import { MalformedInputError } from '../service-errors.js';

/** Of one document, in bytes; as containerd and registries have it. */
export const MAX_DOCUMENT_BYTES = 4 * 2 ** 20;

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. Named as in the document. */
  readonly size: number;
}

export interface IndexEntry extends Descriptor {
  readonly annotations: Readonly<Record<string, string>>;
  /** `os/architecture`, such as `linux/amd64`; empty where the index does not say. */
  readonly platform: string;
}

export interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** What a container of the image runs unless told otherwise. */
export interface ImageConfig {
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly environment: readonly string[];
  readonly workingDirectory: string;
  readonly user: string;
  readonly diffIds: readonly Digest[];
}

const INDEX_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
const MANIFEST_TYPES = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

export function isIndex({ mediaType }: Descriptor): boolean {
  return INDEX_TYPES.includes(mediaType);
}

export function isManifest({ mediaType }: Descriptor): boolean {
  return MANIFEST_TYPES.includes(mediaType);
}

/** Each throws {@link MalformedInputError} `SERVICE_MALFORMED_INPUT`, with the place in `name` that is wrong. */
export function parseIndex(bytes: Uint8Array, name: string): IndexEntry[] {
  const manifests = listField(parseDocument(bytes, name), 'manifests', name);
  return manifests.map((value, at) => {
    const where = `${name}: manifests[${at}]`;
    const entry = asObject(value, where);
    const platform = entry.platform === undefined ? {} : asObject(entry.platform, `${where}.platform`);
    const annotations = entry.annotations === undefined ? {} : asObject(entry.annotations, `${where}.annotations`);
    return {
      ...parseDescriptor(entry, where),
      annotations: stringsOnly(annotations),
      platform: entry.platform === undefined ? '' : `${platform.os}/${platform.architecture}`,
    };
  });
}

export function parseManifest(bytes: Uint8Array, name: string): Manifest {
  const document = parseDocument(bytes, name);
  return {
    config: parseDescriptor(document.config, `${name}: config`),
    layers: listField(document, 'layers', name).map((layer, at) => parseDescriptor(layer, `${name}: layers[${at}]`)),
  };
}

export function parseImageConfig(bytes: Uint8Array, name: string): ImageConfig {
  const document = parseDocument(bytes, name);
  const rootfs = asObject(document.rootfs, `${name}: rootfs`);
  // The specification makes `config` optional, and Go writes an empty list as null.
  const config = asObject(document.config ?? {}, `${name}: config`);
  const strings = (field: string) => {
    const list = config[field] ?? [];
    if (Array.isArray(list) && list.every((item) => typeof item === 'string')) return list as string[];
    throw new MalformedInputError(name, `config.${field} must be a list of strings`);
  };
  const string = (field: string) => {
    const value = config[field] ?? '';
    if (typeof value === 'string') return value;
    throw new MalformedInputError(name, `config.${field} must be a string`);
  };
  return {
    entrypoint: strings('Entrypoint'),
    command: strings('Cmd'),
    environment: strings('Env'),
    workingDirectory: string('WorkingDir') || '/',
    user: string('User'),
    diffIds: listField(rootfs, 'diff_ids', name).map((digest, at) => {
      if (isDigest(digest)) return digest;
      throw new MalformedInputError(name, `rootfs.diff_ids[${at}] must be a sha256 digest`);
    }),
  };
}

export function parseDescriptor(value: unknown, name: string): Descriptor {
  const { mediaType, digest, size } = asObject(value, name);
  if (typeof mediaType !== 'string') throw new MalformedInputError(name, 'mediaType must be a string');
  if (!isDigest(digest)) throw new MalformedInputError(name, 'digest must be "sha256:" and 64 hex characters');
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw new MalformedInputError(name, 'size must be a whole number of bytes');
  }
  return { mediaType, digest, size };
}

function parseDocument(bytes: Uint8Array, name: string): Record<string, unknown> {
  try {
    return asObject(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)), name);
  } catch (error) {
    if (error instanceof MalformedInputError) throw error;
    throw new MalformedInputError(name, 'is no JSON', { cause: error });
  }
}

function asObject(value: unknown, name: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new MalformedInputError(name, 'must be an object');
}

function listField(document: Record<string, unknown>, field: string, name: string): unknown[] {
  const list = document[field] ?? [];
  if (Array.isArray(list)) return list;
  throw new MalformedInputError(name, `${field} must be a list`);
}

function stringsOnly(object: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(object).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
