/**
 * All services of one folder, opened as plugins of each other: content and rootfs, image, container.
 *
 *     content/  images/  rootfs/  containers/  runc/    below the folder
 */
import { join } from 'node:path';
import { ContainerService } from './container/container-service.js';
import { ProcessRuntime } from './container/process-runtime.js';
import { RuncRuntime } from './container/runc-runtime.js';
import type { Runtime } from './container/runtime.js';
import { ContentStore } from './content/content-store.js';
import { claimDirectory } from './directory-owner.js';
import { absoluteDirectory, createDirectory } from './durable-file.js';
import { ImageImporter } from './image/image-import.js';
import { ImageStore } from './image/image-store.js';
import { type Plugin, PluginRegistry } from './plugin/plugin-registry.js';
import type { LayerOptions } from './rootfs/layer.js';
import { Snapshotter } from './rootfs/snapshotter.js';
import { Unpacker } from './rootfs/unpacker.js';
import { InvalidArgumentError } from './service-errors.js';

export interface ServicesOptions {
  /** Created where missing; used by one process at a time. A relative path means a folder below the current one. */
  directory: string;
  /** `process` (default): plain child processes. `runc`: real containers, for root on Linux. Or one of your own. */
  runtime?: 'process' | 'runc' | Runtime;
  /** Limits for the layers that are unpacked. */
  layers?: LayerOptions;
  /** Threads that unpack layers and emit from there, 0 to 64; 0 (default): the calling thread does. */
  unpackThreads?: number;
  /** Initialised with the services, which they can require: `content`, `rootfs`, `image`, `container`. */
  plugins?: readonly Plugin[];
}

export interface Services {
  readonly content: ContentStore;
  readonly images: ImageStore;
  readonly importer: ImageImporter;
  readonly snapshotter: Snapshotter;
  readonly unpacker: Unpacker;
  readonly containers: ContainerService;
  readonly plugins: PluginRegistry;
  /** Kills and deletes all containers, ends threads, and gives the folder back. */
  close(): Promise<void>;
}

/**
 * Opens the services in a folder, and cleans up what a dead process left in it. They emit in the async context of each
 * call (`runWithEmitter`), nothing outside of one. A plugin of `plugins` that fails is reported by `/plugin/error` alone.
 *
 * @throws {InUseError} `SERVICE_IN_USE` while the folder is in use
 * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for an unknown runtime, an empty directory, or `unpackThreads` out of range
 * @throws {CorruptStateError} `SERVICE_CORRUPT_STATE`
 */
export async function openServices(options: ServicesOptions): Promise<Services> {
  if (typeof options !== 'object' || options === null) throw new InvalidArgumentError('options', options, 'an object');
  // Read once, and copied: whatever the caller changes while they open is nothing to them.
  const { directory: given, runtime: chosen, layers: limits, unpackThreads = 0, plugins: added = [] } = options;
  if (!Array.isArray(added)) throw new InvalidArgumentError('plugins', added, 'a list of plugins');
  const own: readonly Plugin[] = [...added];
  const layers = { ...limits };
  const directory = absoluteDirectory(given);
  const runtime = resolveRuntime(directory, chosen);
  await createDirectory(directory);
  const release = await claimDirectory(directory);
  const plugins = new PluginRegistry();
  try {
    for (const plugin of [...builtInPlugins(directory, runtime, layers, unpackThreads), ...own]) plugins.add(plugin);
    const failures = await plugins.initialise();
    const builtIn = failures.find(({ plugin }) => plugin.endsWith('/ringcast'));
    if (builtIn) throw builtIn.cause;
  } catch (error) {
    await release().catch(() => {});
    throw error;
  }
  const containers = plugins.get<ContainerService>('container/ringcast');
  const rootfs = plugins.get<{ snapshotter: Snapshotter; unpacker: Unpacker }>('rootfs/ringcast');
  return {
    content: plugins.get('content/ringcast'),
    ...plugins.get<{ images: ImageStore; importer: ImageImporter }>('image/ringcast'),
    ...rootfs,
    containers,
    plugins,
    async close() {
      try {
        await containers.close();
      } finally {
        await rootfs.unpacker.close();
        await release();
      }
    },
  };
}

function builtInPlugins(directory: string, runtime: Runtime, layers: LayerOptions, unpackThreads: number): Plugin[] {
  const id = 'ringcast';
  return [
    { id, type: 'content', init: () => ContentStore.open(join(directory, 'content')) },
    {
      id,
      type: 'rootfs',
      requires: ['content/ringcast'],
      async init(context) {
        const snapshotter = await Snapshotter.open(join(directory, 'rootfs'));
        const unpacker = new Unpacker(context.get('content/ringcast'), snapshotter, layers, unpackThreads);
        return { snapshotter, unpacker };
      },
    },
    {
      id,
      type: 'image',
      requires: ['content/ringcast'],
      async init(context) {
        const images = await ImageStore.open(join(directory, 'images'));
        return { images, importer: new ImageImporter(context.get('content/ringcast'), images) };
      },
    },
    {
      id,
      type: 'container',
      requires: ['content/ringcast', 'rootfs/ringcast', 'image/ringcast'],
      capabilities: [runtime.name],
      init: (context) =>
        ContainerService.open(join(directory, 'containers'), {
          content: context.get('content/ringcast'),
          ...context.get<{ snapshotter: Snapshotter; unpacker: Unpacker }>('rootfs/ringcast'),
          ...context.get<{ images: ImageStore }>('image/ringcast'),
          runtime,
        }),
    },
  ];
}

function resolveRuntime(directory: string, runtime: ServicesOptions['runtime'] = 'process'): Runtime {
  if (runtime === 'process') return new ProcessRuntime();
  if (runtime === 'runc') return new RuncRuntime(join(directory, 'runc'));
  if (typeof runtime === 'object' && runtime !== null) return runtime;
  throw new InvalidArgumentError('runtime', runtime, '"process", "runc" or a Runtime');
}
