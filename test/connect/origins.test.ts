/** Origins of connected threads, where the bus has as many as it can. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { connectBus, createBus, type Envelope } from '../../src/index.js';
import { range } from '../support/bus-scene.js';

const MAX_ORIGINS = 1_024;

/** A bus to which all origins but `left` are known, and a connection that knows none of them. */
function scene(left: number) {
  const bus = createBus();
  const errors: (Error & { code?: string; origin?: string })[] = [];
  bus.on('error', (error) => errors.push(error));
  const got: unknown[] = [];
  bus.subscribe('/x', ({ event, origin }: Envelope) => void got.push([event, origin]));
  for (const n of range(MAX_ORIGINS - left)) bus.publish('/warm', 0, { origin: `origin-${n}` });
  return { bus, errors, got, connection: connectBus(bus.handle) };
}

describe('the 1,025th origin', () => {
  test('of one connection is refused where it is published, and nothing is lost by that', async () => {
    const { bus, errors, got, connection } = scene(MAX_ORIGINS);
    for (const n of range(MAX_ORIGINS)) connection.publish('/x', n, { origin: `own-${n}` });
    const publish = (origin: string) => (): unknown => connection.publish('/x', 'more', { origin });
    assert.throws(publish('one too many'), { code: 'BUS_TOO_MANY_ORIGINS', message: /"one too many".*1,?024/ });
    publish('own-0')();
    await bus.close();
    assert.deepEqual(got, [...range(MAX_ORIGINS).map((n) => [n, `own-${n}`]), ['more', 'own-0']]);
    assert.deepEqual(errors, []);
  });

  test('that the owner meets in an uplink is told once; its events arrive without it, and all others as they are', async () => {
    const { bus, errors, got, connection } = scene(1);
    const origins = ['fits', 'one too many', 'origin-0', 'another', 'one too many', 'fits'];
    for (const [n, origin] of origins.entries()) connection.publish('/x', n, { origin });
    connection.publish('/x', 'plain');
    await connection.close();
    await bus.close();
    assert.deepEqual(got, [
      [0, 'fits'],
      [1, undefined],
      [2, 'origin-0'],
      [3, undefined],
      [4, undefined],
      [5, 'fits'],
      ['plain', undefined],
    ]);
    assert.deepEqual(
      errors.map(({ code, origin }) => [code, origin]),
      [
        ['BUS_TOO_MANY_ORIGINS', 'one too many'],
        ['BUS_TOO_MANY_ORIGINS', 'another'],
      ],
    );
  });

  test('that a subscription on a connection excepts rejects ready, and changes nothing for others', async () => {
    const { bus, errors, connection } = scene(1);
    const told: unknown[] = [];
    connection.on('error', (error: Error & { code?: string }) => told.push(error.code));
    const known = connection.subscribe('/x', () => {}, { exceptOrigins: ['origin-0', 'fits'] });
    const refused = connection.subscribe('/x', () => assert.fail(), { exceptOrigins: ['one too many'] });
    const next = connection.next('/x', { exceptOrigins: ['another'] });
    await assert.rejects(refused.ready, { code: 'BUS_TOO_MANY_ORIGINS', message: /"one too many"/ });
    await assert.rejects(next, { code: 'BUS_TOO_MANY_ORIGINS', message: /"another"/ });
    await known.ready;
    connection.publish('/x', 1);
    connection.publish('/x', 2, { origin: 'fits' });
    await connection.close();
    assert.equal(known.stats().delivered, 1);
    assert.deepEqual(new Set(told), new Set(['BUS_TOO_MANY_ORIGINS']));
    assert.deepEqual(errors, []);
    await bus.close();
  });
});
