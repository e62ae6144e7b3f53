import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { openServices, type Services, storm } from '../../src/services/index.js';
import { type CapturedEvent, withCapturedEvents } from '../support/captured-events.js';
import { filesBelow, temporaryDirectory } from '../support/temporary-directory.js';
import { runcMissing, TEST_IMAGE, testImageArchive } from '../support/test-image.js';

const ARCHIVE = await testImageArchive();
const RUNC_MISSING = await runcMissing();

/** Every container's own events, in order. */
function lives(events: readonly CapturedEvent[]): Map<string, string[]> {
  const byContainer = new Map<string, string[]>();
  for (const { topic, event } of events) {
    if (!topic.startsWith('/service/container/')) continue;
    const id = `${event.containerId ?? event.id}`;
    byContainer.set(id, [...(byContainer.get(id) ?? []), topic.slice('/service/container/'.length)]);
  }
  return byContainer;
}

describe('storm', () => {
  for (const [runtime, containers, skip] of [
    ['process', 40, false],
    ['runc', 16, RUNC_MISSING],
  ] as const) {
    it(`of containers and blobs at once keeps each container's order, with ${runtime}`, { skip }, async (t) => {
      let services: Services | undefined;
      const directory = await temporaryDirectory(t, async () => services?.close());
      services = await openServices({ directory, runtime });
      await services.importer.importArchive(Readable.from([ARCHIVE]));
      await withCapturedEvents(async (events) => {
        assert.ok(services);
        const result = await storm(services, { containers, image: TEST_IMAGE, blobs: 200 });
        // The one that unpacked the image: prepare and commit of the layer, then prepare, create, remove, delete.
        const stormEvents = events.slice(6);
        assert.equal(stormEvents.length, result.events);
        const all = [...lives(stormEvents).values()];
        assert.equal(all.length, containers);
        for (const life of all) assert.deepEqual(life, ['create', 'start', 'exit', 'delete']);
      });
      assert.deepEqual(await filesBelow(join(directory, 'containers')), []);
      assert.equal(readdirSync(join(directory, 'rootfs', 'snapshots')).length, 1);
    });
  }

  it('stops at the first failure and says what it was', async (t) => {
    const directory = await temporaryDirectory(t);
    const services = await openServices({ directory });
    await assert.rejects(storm(services, { containers: 3, image: 'no/such:image' }), { code: 'SERVICE_NOT_FOUND' });
    await assert.rejects(storm(services, { containers: 1 }), { code: 'SERVICE_INVALID_ARGUMENT' });
    await services.close();
  });
});
