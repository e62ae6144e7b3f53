/** A subscriber thread of `ringcast replay`: keeps each container's life, from create to delete. */
import type { ContainerCreate, ContainerDelete, TaskExit, TaskOOM } from '../../events.js';
import type { Envelope, SubscriberModule } from '../../index.js';
import { type ReplaySubscriberData, sendReport } from './subscriber-report.js';

export interface ContainerLife {
  readonly namespace: string;
  readonly id: string;
  readonly lifetimeMs: number;
  /** Of the container's first process; undefined where it never ran, or its exit is not in the stream. */
  readonly exitCode: number | undefined;
}

/** What is known at the end of the stream. A container that was created again under its old name counts once, its last life. */
export interface LivesReport {
  readonly deleted: number;
  /** Created, and not deleted by the end of the stream. */
  readonly remaining: number;
  readonly outOfMemory: number;
  /** How many deleted containers ended with a code, most frequent first. */
  readonly exitCodes: readonly { readonly exitCode: number; readonly containers: number }[];
  readonly longestLived: readonly ContainerLife[];
}

interface Life {
  readonly namespace: string;
  readonly id: string;
  /** ns since 1970. */
  readonly createdAt: bigint;
  deletedAt?: bigint;
  exitCode?: number;
  outOfMemory: boolean;
}

const LONGEST_LIVED = 5;
const NANOS_PER_MS = 1e6;

const lives = new Map<string, Life>();

function lifeOf({ namespace }: Envelope, id: string): Life | undefined {
  return lives.get(`${namespace}/${id}`);
}

function follow(envelope: Envelope): void {
  const { topic, namespace, timestamp } = envelope;
  switch (topic) {
    case '/containers/create': {
      const { id } = envelope.event as ContainerCreate;
      lives.set(`${namespace}/${id}`, { namespace, id, createdAt: timestamp, outOfMemory: false });
      break;
    }
    case '/tasks/exit': {
      const { containerId, id, exitStatus } = envelope.event as TaskExit;
      // Other ids are those of processes that were started in the container later.
      const life = id === containerId ? lifeOf(envelope, id) : undefined;
      if (life !== undefined) life.exitCode = exitStatus;
      break;
    }
    case '/tasks/oom': {
      const life = lifeOf(envelope, (envelope.event as TaskOOM).containerId);
      if (life !== undefined) life.outOfMemory = true;
      break;
    }
    case '/containers/delete': {
      const life = lifeOf(envelope, (envelope.event as ContainerDelete).id);
      if (life !== undefined) life.deletedAt = timestamp;
      break;
    }
  }
}

function sumUp(): LivesReport {
  const deleted: ContainerLife[] = [];
  const byCode = new Map<number, number>();
  let outOfMemory = 0;
  for (const { namespace, id, createdAt, deletedAt, exitCode, outOfMemory: killed } of lives.values()) {
    if (killed) outOfMemory++;
    if (deletedAt === undefined) continue;
    deleted.push({ namespace, id, lifetimeMs: Number(deletedAt - createdAt) / NANOS_PER_MS, exitCode });
    if (exitCode !== undefined) byCode.set(exitCode, (byCode.get(exitCode) ?? 0) + 1);
  }
  return {
    deleted: deleted.length,
    remaining: lives.size - deleted.length,
    outOfMemory,
    exitCodes: [...byCode]
      .map(([exitCode, containers]) => ({ exitCode, containers }))
      .sort((a, b) => b.containers - a.containers || a.exitCode - b.exitCode),
    longestLived: deleted.sort((a, b) => b.lifetimeMs - a.lifetimeMs).slice(0, LONGEST_LIVED),
  };
}

export default {
  handle: follow,
  teardown: ({ name, data }) => sendReport(data.channelName, name, sumUp()),
} satisfies SubscriberModule<ReplaySubscriberData>;
