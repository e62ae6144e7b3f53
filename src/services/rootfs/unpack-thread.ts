/** What a thread of the unpacker loads: unpacks layers, commits snapshots, and emits what it has done. */
import { createReadStream } from 'node:fs';
import { threadId } from 'node:worker_threads';
import { connectBus, type EmitterHandle, runWithEmitter } from '../../index.js';
import { crossError } from '../crossed-error.js';
import { applyLayer } from './layer.js';
import { commitFiles, tellCommit } from './snapshot-files.js';
import { type ApplyTask, type CommitTask, TASK, type UnpackResult, type UnpackTask } from './unpack-protocol.js';

/** Never rejects. */
export default async function run(task: UnpackTask): Promise<UnpackResult> {
  try {
    return task.kind === 'apply' ? await apply(task) : await commit(task);
  } catch (error) {
    return { kind: 'failed', error: crossError(error) };
  }
}

async function apply({ state, root, blob, source, options }: ApplyTask): Promise<UnpackResult> {
  Atomics.compareExchange(state, 0, TASK.waiting, TASK.running);
  const signal = {
    throwIfAborted(): void {
      if (Atomics.load(state, 0) === TASK.cancelled) throw new Error(`${source}: cancelled`);
    },
  };
  signal.throwIfAborted();
  return { kind: 'applied', diffId: await applyLayer(root, createReadStream(blob), source, { ...options, signal }) };
}

async function commit({ commitment, emitter }: CommitTask): Promise<UnpackResult> {
  await commitFiles(commitment);
  return { kind: 'committed', isTold: emitter !== undefined && (await emitOn(emitter, () => tellCommit(commitment))) };
}

/**
 * Runs `tell` with the emitter of another thread, over a connection of this one.
 *
 * @returns whether the bus has what was emitted: what its owner publishes from now on comes behind it
 */
async function emitOn({ bus: handle, ...options }: EmitterHandle, tell: () => boolean): Promise<boolean> {
  try {
    const bus = connectBus(handle, { name: `unpack-${threadId}` });
    // Whoever is not told here tells it again on his own thread, and hears there why not.
    bus.on('error', () => {});
    const isAccepted = runWithEmitter(bus.emitter(options), tell);
    const { undelivered } = await bus.close({ drainTimeoutMs: Number.POSITIVE_INFINITY });
    return isAccepted && undelivered === 0;
  } catch {
    return false;
  }
}
