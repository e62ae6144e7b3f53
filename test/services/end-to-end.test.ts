/** The services on a real bus, with a subscriber on a thread of its own. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import {
  ContainerCreate,
  ContainerDelete,
  ContentCreate,
  ContentDelete,
  ImageCreate,
  ImageDelete,
  SnapshotCommit,
  SnapshotPrepare,
  SnapshotRemove,
  TaskExit,
  TaskOOM,
  TaskStart,
} from '../../src/events.js';
import { type Bus, createBus, runWithEmitter } from '../../src/index.js';
import { ContentStore, type CreateOptions, digestOf, storm } from '../../src/services/index.js';
import { chainId } from '../../src/services/rootfs/unpacker.js';
import { inlineModule, until } from '../support/bus-scene.js';
import { size } from '../support/full.js';
import { cgroupsNaming, mountsNaming, processesWith } from '../support/leftovers.js';
import { type Observed, observeServices, type SeenEvent } from '../support/observed-services.js';
import { type PackedImage, packImage, packingMissing } from '../support/oci-archive.js';
import { filesBelow, temporaryDirectory } from '../support/temporary-directory.js';
import { runcMissing } from '../support/test-image.js';

const IMAGE = 'registry.example.test/team/shell:1';
const SNAPSHOTTER = 'native';

interface Life {
  readonly id: string;
  readonly options: Omit<CreateOptions, 'image' | 'id'>;
  /** Sent once it runs. */
  readonly signal?: NodeJS.Signals;
  readonly exitStatus: number;
  readonly runsOutOfMemory?: true;
}

const WRITES = size(1_000, 10_000);
const RUN = randomUUID();
const LIVES: readonly Life[] = [
  // Ends well only if the layers were put together right.
  { id: `well-${RUN}`, options: { args: ['sh', '-c', '[ -f etc/new ] && [ ! -e etc/old ]'] }, exitStatus: 0 },
  { id: `fails-${RUN}`, options: { args: ['sh', '-c', 'sleep 0; exit 3'] }, exitStatus: 3 },
  { id: `killed-${RUN}`, options: { args: ['sh', '-c', 'sleep 1000; exit 1'] }, signal: 'SIGKILL', exitStatus: 137 },
];
const OUT_OF_MEMORY: Life = {
  id: `oom-${RUN}`,
  options: { args: ['tail', '/dev/zero'], memoryBytes: 8 * 2 ** 20 },
  exitStatus: 137,
  runsOutOfMemory: true,
};

type Expected = readonly [topic: string, type: { readonly typeUrl: string }, event: Record<string, unknown>];

/** What an import and the first container's unpacking tell, given the random part of the keys that they tell. */
function expectedOfImage({ blobs, diffIds }: PackedImage, events: readonly SeenEvent[]): Expected[] {
  const parents = diffIds.map((_, at) => diffIds.slice(0, at).reduce(chain, ''));
  const layers = diffIds.flatMap((diffId, at): Expected[] => {
    const name = chain(parents[at]!, diffId);
    const key = events[blobs.length + 1 + 2 * at]?.event.key;
    assert.match(`${key}`, new RegExp(`^extract-[0-9a-f-]{36} ${name}$`));
    return [
      ['/service/rootfs/prepare', SnapshotPrepare, { key, parent: parents[at], snapshotter: SNAPSHOTTER }],
      ['/service/rootfs/commit', SnapshotCommit, { key, name, snapshotter: SNAPSHOTTER }],
    ];
  });
  return [
    ...blobs.map((blob): Expected => ['/service/content/write', ContentCreate, blob]),
    ['/service/image/register', ImageCreate, { name: IMAGE, labels: {} }],
    ...layers,
  ];
}

function chain(parent: string, diffId: string): string {
  return chainId(parent, diffId as `sha256:${string}`);
}

/** What one container tells; when it started and ended is its own affair. */
function expectedOfLife(life: Life, pid: unknown, exitedAt: unknown, runtime: string, parent: string): Expected[] {
  const { id, exitStatus } = life;
  const key = `container-${id}`;
  const container = '/service/container';
  const exit = { containerId: id, id, pid, exitStatus, exitedAt };
  return [
    ['/service/rootfs/prepare', SnapshotPrepare, { key, parent, snapshotter: SNAPSHOTTER }],
    [`${container}/create`, ContainerCreate, { id, image: IMAGE, runtime: { name: runtime } }],
    [`${container}/start`, TaskStart, { containerId: id, pid }],
    ...(life.runsOutOfMemory ? [[`${container}/oom`, TaskOOM, { containerId: id }] as const] : []),
    [`${container}/exit`, TaskExit, exit],
    ['/service/rootfs/remove', SnapshotRemove, { key, snapshotter: SNAPSHOTTER }],
    [`${container}/delete`, ContainerDelete, { id }],
  ];
}

async function live({ id, options, signal }: Life, { services }: Observed, marker: string) {
  const environment = [`MARKER=${marker}`];
  const container = await services.containers.create({ ...options, id, image: IMAGE, environment });
  await container.start();
  const { pid } = container;
  if (signal) {
    await until(() => processesWith(marker).length > 0);
    await container.kill(signal);
  }
  const { exitStatus, exitedAt } = await container.wait();
  await container.delete();
  return { pid, exitStatus, exitedAt: { ...exitedAt } };
}

for (const runtime of ['process', 'runc'] as const) {
  const skip = packingMissing() || (runtime === 'runc' && (await runcMissing()));

  describe(`services on a bus, with the runtime ${runtime}`, { skip }, () => {
    it('tell a thread all of an image and of containers that end well, badly and by force, and leave nothing', async (t) => {
      const marker = randomUUID();
      const packed = packImage(await temporaryDirectory(t), IMAGE);
      const lives = runtime === 'runc' ? [...LIVES, OUT_OF_MEMORY] : LIVES;
      const ends: Awaited<ReturnType<typeof live>>[] = [];
      const events = await observeServices(t, runtime, async (observed) => {
        const { services, directory } = observed;
        await services.importer.importArchive(createReadStream(packed.path));
        for (const life of lives) ends.push(await live(life, observed, marker));
        await services.images.remove(IMAGE);
        for (const { digest } of packed.blobs) await services.content.delete(digest);
        for (const { key } of services.snapshotter.list().reverse()) await services.snapshotter.remove(key);
        assert.deepEqual(await filesBelow(directory), ['owner.pid']);
        for (const folder of ['rootfs/snapshots', 'containers', ...(runtime === 'runc' ? ['runc'] : [])]) {
          assert.deepEqual(await readdir(join(directory, folder)), [], folder);
        }
        assert.deepEqual(mountsNaming(directory), []);
        assert.deepEqual(cgroupsNaming(RUN), []);
        // What was killed ends when it next has a core.
        await until(() => processesWith(marker).length === 0);
      });
      const image = expectedOfImage(packed, events);
      const parent = packed.diffIds.reduce(chain, '');
      const removed = packed.diffIds.map((_, at) => packed.diffIds.slice(0, at + 1).reduce(chain, '')).reverse();
      const expected: Expected[] = [
        ...image,
        ...lives.flatMap((life, at) => expectedOfLife(life, ends[at]?.pid, ends[at]?.exitedAt, runtime, parent)),
        ['/service/image/remove', ImageDelete, { name: IMAGE }],
        ...packed.blobs.map(({ digest }): Expected => ['/service/content/delete', ContentDelete, { digest }]),
        ...removed.map(
          (key): Expected => ['/service/rootfs/remove', SnapshotRemove, { key, snapshotter: SNAPSHOTTER }],
        ),
      ];
      assert.deepEqual(
        ends.map(({ exitStatus }) => exitStatus),
        lives.map(({ exitStatus }) => exitStatus),
      );
      assert.deepEqual(
        events.map(({ topic, typeUrl, event }) => [topic, typeUrl, event]),
        expected.map(([topic, { typeUrl }, event]) => [topic, typeUrl, event]),
      );
    });

    it('keep the order of each container while many run at once', async (t) => {
      const packed = packImage(await temporaryDirectory(t), IMAGE);
      const containers = runtime === 'runc' ? size(4, 12) : size(6, 30);
      let stormEvents = 0;
      const events = await observeServices(t, runtime, async ({ services, directory }) => {
        await services.importer.importArchive(createReadStream(packed.path));
        const args = ['sh', '-c', 'exit 3'];
        stormEvents = (await storm(services, { containers, image: IMAGE, args, blobs: size(20, 100) })).events;
        assert.deepEqual(await readdir(join(directory, 'containers')), []);
        assert.equal((await readdir(join(directory, 'rootfs/snapshots'))).length, packed.diffIds.length);
      });
      // Before: the import, the two layers, and the container for which they were unpacked, prepared to deleted.
      assert.equal(events.length, packed.blobs.length + 1 + 4 + 4 + stormEvents);
      const lives = new Map<string, string[]>();
      for (const { topic, event } of events) {
        if (!topic.startsWith('/service/container/')) continue;
        const id = `${event.containerId ?? event.id}`;
        lives.set(id, [...(lives.get(id) ?? []), topic.slice('/service/container/'.length)]);
        if (topic.endsWith('/exit')) assert.equal(event.exitStatus, 3);
      }
      const [first, ...others] = lives.values();
      assert.deepEqual(first, ['create', 'delete']);
      assert.deepEqual(others, Array(containers).fill(['create', 'start', 'exit', 'delete']));
    });
  });
}

describe('services on a bus', () => {
  it('lose no event of thousands of content writes', async (t) => {
    const stored: { digest: string; size: string; mediaType: string }[] = [];
    // The smallest ring: it is lapped some times, in a full run some thirty times.
    const events = await observeServices(
      t,
      'process',
      async ({ services: { content } }) => {
        let next = 0;
        const write = async () => {
          while (next < WRITES) await content.write(Buffer.from(`blob ${next++}`), { mediaType: 'text/plain' });
        };
        await Promise.all(Array.from({ length: 16 }, write));
        for await (const { digest, sizeBytes } of content.list()) {
          stored.push({ digest, size: `${sizeBytes}`, mediaType: 'text/plain' });
        }
      },
      { capacityBytes: 64 * 1024 },
    );
    const byDigest = (a: { digest: string }, b: { digest: string }) => (a.digest < b.digest ? -1 : 1);
    const told = events.map(({ event }) => event as (typeof stored)[number]);
    assert.equal(stored.length, WRITES);
    assert.deepEqual(told.sort(byDigest), stored.sort(byDigest));
  });

  /** A store that writes while its bus is in trouble, and what the bus said. */
  async function writeWith(t: TestContext, bus: Bus, contents: readonly string[]) {
    const errors: (string | undefined)[] = [];
    bus.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code));
    const store = await ContentStore.open(await temporaryDirectory(t));
    await runWithEmitter(bus.emitter(), async () => {
      for (const content of contents) await store.write(Buffer.from(content));
    });
    for (const content of contents) assert.ok(await store.has(digestOf(content)));
    return errors;
  }

  it('do their work when the bus is gone, which is told of each event', async (t) => {
    const bus = createBus();
    bus.destroy();
    assert.deepEqual(await writeWith(t, bus, ['a', 'b']), ['BUS_CLOSED', 'BUS_CLOSED']);
  });

  it('do their work when a subscriber is stuck and the bus full, which is told of each event', async (t) => {
    const bus = createBus({ capacityBytes: 64 * 1024, maxPendingBytes: 0 });
    t.after(() => bus.destroy());
    bus.subscribe('/**', inlineModule('export default () => new Promise(() => {});'));
    while (bus.tryPublish('/fill', { text: 'x'.repeat(100) }));
    assert.deepEqual(await writeWith(t, bus, ['a', 'b']), ['BUS_QUEUE_FULL', 'BUS_QUEUE_FULL']);
  });
});
