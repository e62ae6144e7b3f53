import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readDelimited } from '../../src/envelope/delimited.js';
import { MalformedEnvelopeError } from '../../src/errors.js';

async function collect(chunks: Iterable<Uint8Array>): Promise<string[]> {
  const messages: string[] = [];
  for await (const message of readDelimited(chunks)) messages.push(message.toString('hex'));
  return messages;
}

function delimited(message: Uint8Array): Buffer {
  const size = message.length;
  return Buffer.concat([size < 128 ? Buffer.of(size) : Buffer.of((size & 127) | 128, size >> 7), message]);
}

describe('readDelimited', () => {
  it('gives the messages in order, wherever the chunks end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }),
        fc.array(fc.nat(40), { minLength: 1, maxLength: 30 }),
        async (messages, sizes) => {
          const stream = Buffer.concat(messages.map(delimited));
          const chunks: Buffer[] = [];
          for (let position = 0, index = 0; position < stream.length; index++) {
            const end = position + sizes[index % sizes.length]! + (index >= sizes.length ? 1 : 0);
            chunks.push(stream.subarray(position, end));
            position = end;
          }
          assert.deepEqual(
            await collect(chunks),
            messages.map((message) => Buffer.from(message).toString('hex')),
          );
        },
      ),
    );
  });

  const failures: [name: string, chunks: Buffer[], offset: number, messages: number][] = [
    ['an end inside a message', [Buffer.of(1, 9, 3, 9, 9)], 5, 1],
    ['an end inside a length', [Buffer.of(1, 9), Buffer.of(0x80)], 3, 1],
    ['a length of six bytes', [Buffer.of(1, 9, 0x80, 0x80, 0x80, 0x80, 0x80, 0)], 2, 1],
    ['a length of 4 GiB', [Buffer.of(0xff, 0xff, 0xff, 0xff, 0x0f)], 0, 0],
  ];
  for (const [name, chunks, offset, messages] of failures) {
    it(`refuses ${name} and names the offset, after the messages before it`, async () => {
      let count = 0;
      const read = async () => {
        for await (const _ of readDelimited(chunks)) count++;
      };
      await assert.rejects(
        read,
        (error: unknown) => error instanceof MalformedEnvelopeError && error.offset === offset,
      );
      assert.equal(count, messages);
    });
  }
});
