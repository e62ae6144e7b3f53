/** Fields that a version does not know pass through it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { inspect } from 'node:util';
import { unknownFieldsOf } from '../../src/envelope/codec-runtime.js';
import { MalformedPayloadError } from '../../src/errors.js';
import { Empty, TaskCreate, TaskExit } from '../../src/events.js';
import { createBus } from '../../src/index.js';
import { decodeHex, encodeToBuffer, loadGenerated, writeFiles } from '../support/generated-code.js';

const dir = mkdtempSync(join(tmpdir(), 'unknown-fields-'));
after(() => rmSync(dir, { recursive: true }));

const hexOf = (codec: Parameters<typeof encodeToBuffer>[0], event: unknown) =>
  encodeToBuffer(codec, event).toString('hex');

// container_id "a", then 100 (varint), 101 (bytes), pid 7, 102 (fixed 32), 103 (fixed 64), 104 (a group), 100 again.
const UNKNOWN = ['a00607', 'aa060178', 'b50601000000', 'b9060100000000000000', 'c3060801c406', 'a00608'];
const NEWER = `0a0161 ${UNKNOWN.slice(0, 2).join('')} 1807 ${UNKNOWN.slice(2).join('')}`;

describe('unknown fields', () => {
  it('are written again behind the known ones, in the order they came in', () => {
    const event = decodeHex(TaskExit, NEWER);
    assert.equal(event.pid, 7);
    assert.equal(hexOf(TaskExit, event), `0a01611807${UNKNOWN.join('')}`);
    assert.equal(Buffer.from(unknownFieldsOf(event)!).toString('hex'), UNKNOWN.join(''));
    assert.equal(unknownFieldsOf(new TaskExit()), undefined);
  });

  it('stay when an event is copied, in every way that copies an object', () => {
    const event = decodeHex(TaskExit, NEWER);
    const expected = hexOf(TaskExit, event);
    assert.equal(hexOf(TaskExit, { ...event }), expected);
    assert.equal(hexOf(TaskExit, new TaskExit(event)), expected);
    assert.equal(hexOf(TaskExit, Object.assign(new TaskExit(), event)), expected);
    assert.equal(hexOf(Empty, new Empty(decodeHex(Empty, UNKNOWN[0]!))), UNKNOWN[0]);
    assert.equal(hexOf(TaskExit, { ...event, pid: 8 }), expected.replace('1807', '1808'));
  });

  it('stay in messages inside of messages, also in those that come in pieces', () => {
    // io = { stdin "a", 100 = 1 }, rootfs = [{ type "b", 100 = 2 }], and a second piece of io with 100 = 3.
    const event = decodeHex(TaskCreate, '2206 0a0161 a00601 1a06 0a0162 a00602 2203 a00603');
    assert.equal(hexOf(TaskCreate, event), '1a060a0162a0060222090a0161a00601a00603');
  });

  it('are seen neither by JSON nor by who lists the properties', () => {
    const event = decodeHex(TaskExit, NEWER);
    assert.deepEqual(Object.keys(event), Object.keys(new TaskExit()));
    assert.equal(JSON.stringify(event), JSON.stringify(decodeHex(TaskExit, '0a0161 1807')));
    assert.match(inspect(event), /ringcast\.unknownFields/);
  });

  it('are kept in linear time, however many', () => {
    const piece = Buffer.from('1807a00607', 'hex');
    const bytes = Buffer.concat(Array.from({ length: 200_000 }, () => piece));
    const event = TaskExit.decode(bytes, 0, bytes.length);
    assert.equal(unknownFieldsOf(event)!.length, 600_000);
  });

  it('are refused where they are no protobuf, as everywhere', () => {
    const bad = [
      ['a006', 'ends in the tag'],
      ['a006ffffffffffffffffffffff01', 'a varint of more than ten bytes'],
      ['aa0605', 'longer than the message'],
      ['c30608', 'a group without end'],
      ['c30608 01 cc06', 'a group with another end'],
      ['a706', 'a wire type that does not exist'],
      ['0007', 'field number 0'],
    ] as const;
    for (const [hex, why] of bad) assert.throws(() => decodeHex(TaskExit, hex), MalformedPayloadError, why);
  });

  it('survive being republished', async () => {
    const bus = createBus();
    const newer = Buffer.from(NEWER.replaceAll(' ', ''), 'hex');
    const second = bus.next('/second');
    bus.subscribe('/first', ({ event }) => {
      bus.publish('/second', event);
    });
    bus.publish('/first', { typeUrl: TaskExit.typeUrl, value: new Uint8Array(newer) });
    assert.equal(Buffer.from((await second).payload).toString('hex'), `0a01611807${UNKNOWN.join('')}`);
    await bus.close();
  });
});

describe('closed enums', () => {
  it('keep values without a name as unknown fields, wherever they are', async () => {
    const { closed } = await loadGenerated(
      writeFiles(join(dir, 'closed'), {
        'closed.proto': `syntax = "proto2"; package closed; enum Color { RED = 0; BLUE = 5; NEG = -1; }
          message M { optional Color one = 1; repeated Color list = 2; repeated Color packed = 3 [packed = true]; map<string, Color> map = 4;
            oneof o { Color member = 5; string text = 6; } }`,
      }),
      join(dir, 'closed-out'),
    );
    const { M } = closed!;
    const read = (hex: string) => decodeHex(M!, hex);
    assert.equal(read('0805').one, 5);
    assert.equal(read('0806').one, undefined);
    assert.equal(hexOf(M!, read('0806')), '0806');
    assert.equal(hexOf(M!, read('0805 0806')), '08050806');
    assert.deepEqual(read('1000 1007 1005').list, [0, 5]);
    assert.equal(hexOf(M!, read('1000 1007 1005')), '100010051007');
    assert.deepEqual(read('1a03 000705').packed, [0, 5]);
    assert.equal(hexOf(M!, read('1a03 000705')), '1a0200051807');
    assert.equal(hexOf(M!, read('1a0a feffffffffffffffff01')), '18feffffffffffffffff01');
    assert.deepEqual(read('2205 0a0161 1005 2205 0a0162 1007').map, { a: 5 });
    assert.equal(hexOf(M!, read('2205 0a0162 1007 2205 0a0161 1005')), '22050a0161100522050a01621007');
    assert.equal(read('3201 61 2807').text, 'a', 'a value without a name does not touch its oneof');
  });
});
