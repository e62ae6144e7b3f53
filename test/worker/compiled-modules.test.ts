import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { createBus } from '../../src/index.js';
import { closeDelivered } from '../support/bus-scene.js';

const folder = mkdtempSync(join(tmpdir(), 'ringcast-modules-'));
after(() => rmSync(folder, { recursive: true }));

/** What TypeScript and Babel make of `export default`. */
const ES_MODULE = "Object.defineProperty(exports, '__esModule', { value: true });";

describe('a subscriber module compiled to CommonJS', () => {
  const shapes: Readonly<Record<string, string>> = {
    'a function as exports.default': `${ES_MODULE} exports.default = function (envelope, { data }) { SEND };`,
    'an object as exports.default': `${ES_MODULE} exports.default = { handle(envelope, { data }) { SEND } };`,
    'a function as module.exports': 'module.exports = (envelope, { data }) => { SEND };',
    'an object as module.exports': 'module.exports = { handle(envelope, { data }) { SEND } };',
  };
  for (const [name, source] of Object.entries(shapes)) {
    test(`${name} handles events`, async () => {
      const file = join(folder, `${name.replaceAll(/\W+/g, '-')}.cjs`);
      const send = 'Atomics.add(data, 0, envelope.event.n)';
      writeFileSync(file, source.replace('SEND', send));
      const bus = createBus();
      const data = new Int32Array(new SharedArrayBuffer(4));
      const subscription = bus.subscribe('/x', pathToFileURL(file), { data });
      await subscription.ready;
      bus.publish('/x', { n: 3 });
      bus.publish('/x', { n: 4 });
      await closeDelivered(bus);
      assert.equal(data[0], 7);
    });
  }

  test('is refused where it has no default export, as an ES module is', async () => {
    const file = join(folder, 'none.cjs');
    writeFileSync(file, `${ES_MODULE} exports.handle = () => {};`);
    const bus = createBus();
    const subscription = bus.subscribe('/x', pathToFileURL(file));
    subscription.on('error', () => {});
    await assert.rejects(subscription.ready, { code: 'BUS_MODULE_SHAPE', message: /no default export/ });
    await bus.close();
  });
});
