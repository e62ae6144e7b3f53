/** `JSON.stringify(envelope)` and `formatCtrLine(envelope)` throw for nothing that could be published. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createBus, type Envelope, formatCtrLine } from '../../src/index.js';

async function received(event: unknown): Promise<Envelope> {
  const bus = createBus();
  const next = bus.next('/x');
  bus.publish('/x', event);
  const envelope = await next;
  await bus.close();
  return envelope;
}

describe('whatever could be published', () => {
  const odd: Readonly<Record<string, unknown>> = {
    'an invalid Date': new Date(Number.NaN),
    'an invalid Date inside': { at: [new Date(Number.NaN)] },
    'a Map with keys that have no text': new Map<unknown, unknown>([
      [{ toString: 1 }, 1],
      [[1], 2],
    ]),
    'a RegExp': /a/g,
    'an Error': new RangeError('far'),
    'numbers that JSON lacks': [Number.NaN, Number.POSITIVE_INFINITY, -0, 2n ** 70n],
    'typed arrays': [Float64Array.of(1.5), BigInt64Array.of(5n), new DataView(new ArrayBuffer(2)), new ArrayBuffer(2)],
    undefined: [undefined],
  };
  for (const [name, event] of Object.entries(odd)) {
    test(`${name} can be printed`, async () => {
      const envelope = await received(event);
      assert.equal(typeof JSON.stringify(envelope), 'string');
      assert.match(formatCtrLine(envelope), / \/x ./);
    });
  }

  test('a date that is none is null, as JSON.stringify has it', async () => {
    const { event } = JSON.parse(JSON.stringify(await received({ at: new Date(Number.NaN) }))) as { event: unknown };
    assert.deepEqual(event, { at: null });
  });

  test('a payload that does not decode is shown as its bytes', async () => {
    const envelope = await received({ typeUrl: 'containerd.events.TaskExit', value: Uint8Array.of(0x0a, 0xff) });
    const { event } = JSON.parse(JSON.stringify(envelope)) as { event: unknown };
    assert.deepEqual(event, { typeUrl: 'containerd.events.TaskExit', value: 'Cv8=' });
  });
});
