/** Services that emit to a bus, and a subscriber on a thread of its own that writes down what comes. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Bus, type BusOptions, createBus, runWithEmitter } from '../../src/index.js';
import { openServices, type Services, type ServicesOptions } from '../../src/services/index.js';
import { closeDelivered, workerModule } from './bus-scene.js';
import { temporaryDirectory } from './temporary-directory.js';

/** An event as the subscriber saw it; 64-bit integers are text. */
export interface SeenEvent {
  readonly topic: string;
  readonly typeUrl: string;
  readonly sequence: number;
  readonly redelivered: boolean;
  readonly lagged: number;
  readonly event: Readonly<Record<string, unknown>>;
}

export interface Observed {
  readonly bus: Bus;
  readonly services: Services;
  /** Of the services. */
  readonly directory: string;
}

/**
 * Runs `use` with open services, in the context of a bus's emitter; closes the services, then the bus.
 *
 * @returns what the subscriber of `/service/**` saw, all of it, once nothing more can come; delivered once, without a gap
 */
export async function observeServices(
  t: TestContext,
  runtime: ServicesOptions['runtime'] & string,
  use: (observed: Observed) => Promise<void>,
  busOptions: BusOptions = {},
): Promise<SeenEvent[]> {
  const directory = await temporaryDirectory(t);
  const seenPath = join(directory, 'seen');
  const bus = createBus(busOptions);
  const errors: Error[] = [];
  bus.on('error', (error) => errors.push(error));
  bus.subscribe('/service/**', workerModule('event-writer'), { data: seenPath });
  try {
    await runWithEmitter(bus.emitter(), async () => {
      const services = await openServices({ directory: join(directory, 'services'), runtime });
      try {
        await use({ bus, services, directory: join(directory, 'services') });
      } finally {
        await services.close();
      }
    });
  } finally {
    await closeDelivered(bus);
  }
  assert.deepEqual(errors, []);
  const seen = (await readFile(seenPath, 'utf8')).split('\n').filter(Boolean);
  const events = seen.map((line) => JSON.parse(line) as SeenEvent);
  for (const [at, { sequence, redelivered, lagged }] of events.entries()) {
    // Nobody else wants events that this subscriber does not, so those get no sequence.
    assert.deepEqual({ sequence, redelivered, lagged }, { sequence: at, redelivered: false, lagged: 0 });
  }
  return events;
}
