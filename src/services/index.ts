/**
 * `ringcast/services`: subsystems that do real work and emit what they did. Start with {@link openServices}; each class
 * can also be used alone.
 */
export {
  Container,
  type ContainerStatus,
  type ExecOptions,
  type ExecProcess,
} from './container/container.js';
export { type ContainerParts, ContainerService, type CreateOptions } from './container/container-service.js';
export { ProcessRuntime } from './container/process-runtime.js';
export { RuncRuntime } from './container/runc-runtime.js';
export type {
  ContainerSpec,
  ExitStatus,
  ProcessSpec,
  RunningProcess,
  Runtime,
  RuntimeContainer,
  Stdio,
  Timestamp,
} from './container/runtime.js';
export { ContentStore } from './content/content-store.js';
export { type Digest, digestOf, parseDigest } from './content/digest.js';
export type { ContentInfo, Expectation, Ingest, IngestOptions } from './content/ingest.js';
export { buildImageArchive, type ImageInput } from './image/image-archive.js';
export { type ResolvedImage, resolveImage } from './image/image-graph.js';
export { ImageImporter, type ImportOptions } from './image/image-import.js';
export { type Image, ImageStore } from './image/image-store.js';
export type { Descriptor, ImageConfig } from './image/oci-documents.js';
export { buildShellImage, findBusybox } from './image/shell-image.js';
export { type Plugin, type PluginContext, PluginRegistry } from './plugin/plugin-registry.js';
export { applyLayer, type LayerOptions } from './rootfs/layer.js';
export { type Snapshot, Snapshotter } from './rootfs/snapshotter.js';
export type { ArchiveLimits } from './rootfs/tar-reader.js';
export type { ArchiveInput } from './rootfs/tar-writer.js';
export { type Layer, Unpacker } from './rootfs/unpacker.js';
export {
  AlreadyExistsError,
  CommandFailedError,
  ContentMismatchError,
  CorruptStateError,
  InUseError,
  InvalidArgumentError,
  LimitExceededError,
  MalformedInputError,
  MissingDependencyError,
  NotFoundError,
  PluginFailedError,
  ServiceError,
  StartFailedError,
  ThreadEndedError,
  UnsafeEntryError,
  UnsupportedError,
  WrongStateError,
} from './service-errors.js';
export { openServices, type Services, type ServicesOptions } from './services.js';
export { type StormOptions, type StormResult, storm } from './storm.js';
