import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { allocateNames, NameDirectory, NameRegistry } from '../../src/ring/name-registry.js';

function tableOf(maxNames: number): [NameRegistry, NameDirectory] {
  const buffer = allocateNames(maxNames);
  return [new NameRegistry(buffer), new NameDirectory(buffer)];
}

test('ids count from 1, in the order of appending', () => {
  const [registry, directory] = tableOf(3);
  assert.deepEqual(
    ['/a', '/b/c', ''].map((name) => registry.append(name)),
    [1, 2, 3],
  );
  assert.equal(registry.count, 3);
  assert.deepEqual(
    [1, 2, 3].map((id) => directory.name(id)),
    ['/a', '/b/c', ''],
  );
});

test('a table without ids left refuses, and keeps what it has', () => {
  const [registry, directory] = tableOf(2);
  registry.append('one');
  registry.append('two');
  assert.equal(registry.append('three'), 0);
  assert.equal(registry.count, 2);
  assert.deepEqual([directory.name(1), directory.name(2)], ['one', 'two']);
});

test('a table for no names is full', () => assert.equal(tableOf(0)[0].append('a'), 0));

test('a table without bytes left refuses the name, not a shorter one', () => {
  const [registry, directory] = tableOf(3);
  assert.equal(registry.append('x'.repeat(190)), 1);
  assert.equal(registry.append('123'), 0);
  assert.equal(registry.append('12'), 2);
  assert.equal(registry.append('3'), 0);
  assert.equal(registry.append(''), 3);
  assert.deepEqual([directory.name(1), directory.name(2), directory.name(3)], ['x'.repeat(190), '12', '']);
});

test('names are counted in UTF-8 bytes', () => {
  const [registry, directory] = tableOf(1);
  assert.equal(registry.append('é'.repeat(33)), 0);
  assert.equal(registry.append('é'.repeat(32)), 1);
  assert.equal(directory.name(1), 'é'.repeat(32));
});

test('a directory attached late finds all names', () => {
  const buffer = allocateNames(10);
  const registry = new NameRegistry(buffer);
  for (let i = 0; i < 10; i++) registry.append(`/topic/${i}`);
  assert.equal(new NameDirectory(buffer).name(7), '/topic/6');
});

test('any names come back as appended', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 12 }), { maxLength: 20 }), (names) => {
      const [registry, directory] = tableOf(20);
      const accepted = names.filter((name) => registry.append(name) > 0);
      assert.equal(registry.count, accepted.length);
      accepted.forEach((name, index) => {
        assert.equal(directory.name(index + 1), name);
      });
    }),
  );
});
