import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Plugin, PluginRegistry } from '../../../src/services/plugin/plugin-registry.js';
import { withCapturedEvents } from '../../support/captured-events.js';

function plugin(reference: string, requires: string[] = [], init: Plugin['init'] = () => reference): Plugin {
  const [type = '', id = ''] = reference.split('/');
  return { type, id, requires, init };
}

describe('plugin registry', () => {
  it('initialises requirements first, gives each what it requires, and emits each when it is ready', async () => {
    await withCapturedEvents(async (events) => {
      const registry = new PluginRegistry();
      registry.add({
        ...plugin(
          'app/main',
          ['store'],
          (context) => `app on ${context.get('store')} and ${context.get('store/disk')}`,
        ),
        capabilities: ['run'],
      });
      registry.add(plugin('store/disk'));
      assert.deepEqual(await registry.initialise(), []);
      assert.equal(registry.get('app'), 'app on store/disk and store/disk');
      assert.deepEqual(
        events.map(({ topic, event }) => [topic, event]),
        [
          ['/plugin/register', { id: 'disk', type: 'store', requires: [], capabilities: [] }],
          ['/plugin/register', { id: 'main', type: 'app', requires: ['store'], capabilities: ['run'] }],
        ],
      );
      assert.deepEqual(await registry.initialise(), []);
      assert.equal(events.length, 2, 'initialised once');
    });
  });

  it('fails what requires a failed plugin, not the others, and emits why', async () => {
    await withCapturedEvents(async (events) => {
      const registry = new PluginRegistry();
      registry.add(plugin('a/broken', [], () => Promise.reject(new Error('no disk'))));
      registry.add(plugin('b/needs', ['a/broken']));
      registry.add(plugin('c/lost', ['nowhere']));
      registry.add(plugin('d/nosy', [], (context) => context.get('e/fine')));
      registry.add(plugin('e/fine'));
      registry.add(plugin('f/any', ['a', 'e']));
      const failures = await registry.initialise();
      assert.deepEqual(
        failures.map(({ code }) => code),
        Array(5).fill('SERVICE_PLUGIN_FAILED'),
      );
      assert.deepEqual(
        events.map(({ topic, event }) => [topic, event.type, event.error]),
        [
          ['/plugin/error', 'a', 'no disk'],
          ['/plugin/error', 'b', 'requires a/broken, which failed'],
          ['/plugin/error', 'c', 'requires nowhere, which is not registered'],
          ['/plugin/error', 'd', 'asks for e/fine, which it does not require'],
          ['/plugin/register', 'e', undefined],
          ['/plugin/error', 'f', 'requires a, which failed'],
        ],
      );
      assert.equal(registry.get('e'), 'e/fine');
      assert.throws(() => registry.get('a'), { code: 'SERVICE_NOT_FOUND' });
    });
  });

  it('goes on with the plugins of a type that did not fail', async () => {
    const registry = new PluginRegistry();
    registry.add(plugin('store/bad', [], () => Promise.reject(new Error('bad'))));
    registry.add(plugin('store/good'));
    registry.add(plugin('app/main', ['store'], (context) => context.get('store/good')));
    assert.equal((await registry.initialise()).length, 1);
    assert.equal(registry.get('app/main'), 'store/good');
  });

  it('names the circle of plugins that require each other', async () => {
    const registry = new PluginRegistry();
    registry.add(plugin('a/1', ['b/1']));
    registry.add(plugin('b/1', ['a/1']));
    const [first] = await registry.initialise();
    assert.match(first?.message ?? '', /a\/1 → b\/1 → a\/1/);
  });

  for (const [reference, requires] of [['/x'], ['a/'], ['a b/x'], ['a/b', ['c/d/e']], ['a/b', ['']]] as [
    string,
    string[]?,
  ][]) {
    it(`refuses ${JSON.stringify(reference)} that requires ${JSON.stringify(requires ?? [])}`, () => {
      assert.throws(() => new PluginRegistry().add(plugin(reference, requires)), { code: 'SERVICE_INVALID_ARGUMENT' });
    });
  }

  it('fails a plugin and goes on with the others, whatever its init throws, and tells of it', async () => {
    const hostile = Object.defineProperty(new Error(), 'message', {
      get() {
        throw new Error('no');
      },
    });
    const numbered = Object.assign(new Error(), { message: 5 });
    const all = [
      Object.create(null),
      hostile,
      numbered,
      new Proxy({}, { getPrototypeOf: () => raise() }),
      'x'.repeat(1e6),
    ];
    await withCapturedEvents(async (events) => {
      for (const thrown of all) {
        const registry = new PluginRegistry();
        registry.add({ id: 'a', type: 'x', init: () => Promise.reject(thrown) });
        registry.add({ id: 'b', type: 'x', init: () => 'b' });
        assert.equal((await registry.initialise()).length, 1);
        assert.equal(registry.get('x/b'), 'b');
        const [failed, registered] = events.splice(0);
        assert.equal(failed?.topic, '/plugin/error');
        assert.ok(typeof failed.event.error === 'string' && failed.event.error.length <= 1024);
        assert.equal(registered?.topic, '/plugin/register');
      }
    });
  });

  it('refuses a second plugin of the same type and id', () => {
    const registry = new PluginRegistry();
    registry.add(plugin('a/b'));
    assert.throws(() => registry.add(plugin('a/b')), { code: 'SERVICE_ALREADY_EXISTS' });
  });

  it('initialises any graph without circles in an order that fits it', async () => {
    const graphs = fc.array(fc.array(fc.nat(20), { maxLength: 4 }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(graphs, async (edges) => {
        const order: number[] = [];
        const registry = new PluginRegistry();
        // Each requires only plugins of a lower number; registered in reverse.
        const all = edges.map((targets, at) => ({ at, requires: targets.filter((target) => target < at) }));
        for (const { at, requires } of all.reverse()) {
          registry.add(
            plugin(
              `t/p${at}`,
              requires.map((target) => `t/p${target}`),
              () => order.push(at),
            ),
          );
        }
        assert.deepEqual(await registry.initialise(), []);
        assert.equal(order.length, edges.length);
        for (const { at, requires } of all) {
          for (const target of requires) assert.ok(order.indexOf(target) < order.indexOf(at));
        }
      }),
      { numRuns: 100, seed: 6 },
    );
  });
});

function raise(): never {
  throw new Error('no');
}
