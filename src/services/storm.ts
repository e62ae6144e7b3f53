/**
 * A load of real work for measurements: many short containers and many blobs at once. It emits through the context it
 * is called in, like everything the services do; who measures events counts them where they arrive.
 */
import { randomBytes } from 'node:crypto';
import { monotonicMs } from '../host/timing.js';
import { checkCount } from './argument-check.js';
import { InvalidArgumentError } from './service-errors.js';
import type { Services } from './services.js';

export interface StormOptions {
  /** Containers to create, start, wait for and delete. Default 0. */
  containers?: number;
  /** Image of the containers; registered. Needed for containers. */
  image?: string;
  /** What each container runs; default the image's own command. */
  args?: readonly string[];
  /** Blobs of random content to write, then delete. Default 0. */
  blobs?: number;
  /** Bytes of each. Default 1,024. */
  blobBytes?: number;
  /** Containers, and blobs, under way at a time. Default 8. */
  concurrency?: number;
}

export interface StormResult {
  containers: number;
  blobs: number;
  /** Events that the services emit for it: rootfs prepare and remove and four of its own for a container, two for a blob. */
  events: number;
  durationMs: number;
}

const EVENTS_PER_CONTAINER = 6;
const EVENTS_PER_BLOB = 2;

/**
 * Runs the storm to its end; what it made is deleted again.
 *
 * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for a count that is none, a `concurrency` of 0, containers without an image
 * @throws what the first operation that fails throws, when those under way have ended
 */
export async function storm(services: Services, options: StormOptions): Promise<StormResult> {
  const { containers = 0, blobs = 0, concurrency = 8, blobBytes = 1024, image, args: given } = options;
  const args = given && [...given];
  for (const [name, count] of Object.entries({ containers, blobs, blobBytes })) checkCount(name, count, 0);
  checkCount('concurrency', concurrency, 1);
  if (containers > 0 && image === undefined) {
    throw new InvalidArgumentError('image', image, 'the name of a registered image when containers > 0');
  }
  const create = () => services.containers.create({ image: image ?? '', ...(args ? { args } : {}) });
  const runContainer = async () => {
    const container = await create();
    try {
      await container.start();
      await container.wait();
    } catch (error) {
      await container.delete({ force: true }).catch(() => {});
      throw error;
    }
    await container.delete({ force: true });
  };
  const runBlob = async () => {
    const { digest } = await services.content.write(randomBytes(blobBytes));
    await services.content.delete(digest);
  };
  // The first container unpacks the image; that is not part of a storm.
  if (containers > 0) await (await create()).delete();
  const startedAt = monotonicMs();
  const work = [repeat(containers, concurrency, runContainer), repeat(blobs, concurrency, runBlob)];
  const failed = (await Promise.allSettled(work)).find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
  const events = containers * EVENTS_PER_CONTAINER + blobs * EVENTS_PER_BLOB;
  return { containers, blobs, events, durationMs: monotonicMs() - startedAt };
}

/** `count` times, some at a time; after a failure no more are begun. */
async function repeat(count: number, concurrency: number, operation: () => Promise<void>): Promise<void> {
  let left = count;
  const lane = async () => {
    while (left > 0) {
      left--;
      try {
        await operation();
      } catch (error) {
        left = 0;
        throw error;
      }
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: Math.min(concurrency, count) }, lane));
  const failed = lanes.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
