import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cells } from '../../src/memory/cells.js';
import { attachRing, maxRecordBytes } from '../../src/ring/ring-memory.js';
import { SEAL } from '../../src/ring/uplink-descriptor.js';
import { allocateUplink, MIN_UPLINK_BYTES } from '../../src/ring/uplink-memory.js';
import { UplinkOwner } from '../../src/ring/uplink-owner.js';
import { UplinkWriter } from '../../src/ring/uplink-writer.js';

function scene(): { readonly writer: UplinkWriter; readonly owner: UplinkOwner; readonly cells: Cells } {
  const memory = attachRing(allocateUplink(MIN_UPLINK_BYTES));
  const writer = new UplinkWriter(memory, maxRecordBytes(MIN_UPLINK_BYTES), {
    ring: () => {},
    closing: () => {},
    refused: () => {},
  });
  const owner = new UplinkOwner(memory.cells);
  owner.close();
  return { writer, owner, cells: memory.cells };
}

test('an uplink is not sealed while an accepted event waits on the heap of its thread', () => {
  const { writer, owner } = scene();
  writer.setQueued(1);
  assert.equal(owner.seal(false), undefined);
  assert.equal(writer.refused, false);
  writer.setQueued(0);
  assert.equal(owner.seal(false), 0);
});

test('an event that is queued when its uplink has been sealed is refused', () => {
  const { writer, owner } = scene();
  assert.equal(owner.queued, 0);
  assert.equal(owner.seal(false), 0);
  writer.setQueued(1);
  assert.equal(writer.refused, true);
});

test('an event that is queued while its uplink is being sealed is waited for', () => {
  const { writer, cells } = scene();
  let seals = 0;
  // At the last moment at which it counts: when the owner has looked at all, and has not sealed.
  const owner = new UplinkOwner({
    ...bound(cells),
    compareExchange: (index, expected, value) => {
      if (index === SEAL && seals++ === 0) writer.setQueued(1);
      return cells.compareExchange(index, expected, value);
    },
  });
  assert.equal(owner.seal(false), undefined);
  assert.equal(writer.refused, false);
  assert.equal(seals, 1);
});

test('where the time is over, an uplink is sealed whatever waits, and what is queued then is refused', () => {
  const { writer, owner } = scene();
  writer.setQueued(1);
  assert.equal(owner.seal(true), 0);
  writer.setQueued(2);
  assert.equal(writer.refused, true);
});

function bound(cells: Cells): Cells {
  return {
    load: (index) => cells.load(index),
    store: (index, value) => cells.store(index, value),
    compareExchange: (index, expected, value) => cells.compareExchange(index, expected, value),
    add: (index, value) => cells.add(index, value),
    and: (index, value) => cells.and(index, value),
    or: (index, value) => cells.or(index, value),
    wait: (index, value, timeoutMs) => cells.wait(index, value, timeoutMs),
    notify: (index) => cells.notify(index),
  };
}
