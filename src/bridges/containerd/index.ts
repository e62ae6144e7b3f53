/** The subpath `ringcast/containerd`: the events of a containerd daemon on a bus, and those of a bus in containerd. */
export { CallFailedError, MissingPeerError } from '../bridge-errors.js';
export type { BridgedBus } from '../bridge-life.js';
export { ContainerdSink, type ToContainerdOptions, toContainerd } from './sink.js';
export { type ContainerdGap, ContainerdSource, type FromContainerdOptions, fromContainerd } from './source.js';
