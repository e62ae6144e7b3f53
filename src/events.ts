/** Stand-in for the public event classes: the same names and fields, no codec. */

type Fields<T> = { [K in keyof T]?: T[K] };

class Message<T> {
  constructor(fields: Fields<T> = {}) {
    Object.assign(this, fields);
  }
}

type Timestamp = { seconds: number; nanos: number };

export class ContentCreate extends Message<ContentCreate> {
  declare digest: string;
  declare size: bigint;
  declare mediaType: string;
}
export class ContentDelete extends Message<ContentDelete> {
  declare digest: string;
}
export class ImageCreate extends Message<ImageCreate> {
  declare name: string;
  declare labels: Record<string, string>;
}
export class ImageUpdate extends Message<ImageUpdate> {
  declare name: string;
  declare labels: Record<string, string>;
}
export class ImageDelete extends Message<ImageDelete> {
  declare name: string;
}
export class SnapshotPrepare extends Message<SnapshotPrepare> {
  declare key: string;
  declare parent: string;
  declare snapshotter: string;
}
export class SnapshotCommit extends Message<SnapshotCommit> {
  declare key: string;
  declare name: string;
  declare snapshotter: string;
}
export class SnapshotRemove extends Message<SnapshotRemove> {
  declare key: string;
  declare snapshotter: string;
}
export class ContainerCreate extends Message<ContainerCreate> {
  declare id: string;
  declare image: string;
  declare runtime: { name: string; options?: unknown };
}
export class ContainerDelete extends Message<ContainerDelete> {
  declare id: string;
}
export class TaskStart extends Message<TaskStart> {
  declare containerId: string;
  declare pid: number;
}
export class TaskExit extends Message<TaskExit> {
  declare containerId: string;
  declare id: string;
  declare pid: number;
  declare exitStatus: number;
  declare exitedAt: Timestamp;
}
export class TaskOOM extends Message<TaskOOM> {
  declare containerId: string;
}
export class TaskExecAdded extends Message<TaskExecAdded> {
  declare containerId: string;
  declare execId: string;
}
export class TaskExecStarted extends Message<TaskExecStarted> {
  declare containerId: string;
  declare execId: string;
  declare pid: number;
}
export class TaskPaused extends Message<TaskPaused> {
  declare containerId: string;
}
export class TaskResumed extends Message<TaskResumed> {
  declare containerId: string;
}
export class PluginRegister extends Message<PluginRegister> {
  declare id: string;
  declare type: string;
  declare requires: string[];
  declare capabilities: string[];
}
export class PluginError extends Message<PluginError> {
  declare id: string;
  declare type: string;
  declare error: string;
}
