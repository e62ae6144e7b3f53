import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EventCodec } from '../../src/envelope/event-codec.js';
import { InvalidEventError, MalformedPayloadError } from '../../src/errors.js';
import {
  Any,
  ContentCreate,
  DeadLetter,
  Empty,
  FloatValue,
  ImageCreate,
  Struct,
  TaskCreate,
  TaskExit,
  Timestamp,
} from '../../src/events.js';
import { Everything, Tree } from '../fixtures/generated/everything.js';

const target = Buffer.from(new SharedArrayBuffer(4096));

function encode(codec: EventCodec, event: unknown): Buffer {
  const end = codec.encode(event, target, 0, target.length);
  return Buffer.from(target.subarray(0, end));
}

const cycle: Record<string, unknown> = { name: 'x' };
cycle.left = cycle;
let deep: object = {};
for (let depth = 0; depth < 101; depth++) deep = { left: deep };

class Liar extends Uint8Array {
  override get length(): number {
    return 1;
  }
}

class Hider extends Uint8Array {
  override get length(): number {
    return 0;
  }
}

const transferred = new Uint8Array(4);
structuredClone(transferred.buffer, { transfer: [transferred.buffer] });

const refused: [event: object | null | string | number, codec: EventCodec, message: RegExp][] = [
  [{ containerId: 5 }, TaskExit, /TaskExit\.containerId must be a string, got 5/],
  [{ containerId: Object('x') }, TaskExit, /containerId must be a string, got an object/],
  [{ pid: -1 }, TaskExit, /TaskExit\.pid must be an integer from 0 to 4294967295, got -1/],
  [{ pid: 2 ** 32 }, TaskExit, /got 4294967296/],
  [{ pid: 1.5 }, TaskExit, /got 1\.5/],
  [{ pid: Number.NaN }, TaskExit, /got NaN/],
  [{ pid: '1' }, TaskExit, /got a string/],
  [{ pid: 1n }, TaskExit, /got 1n/],
  [{ exitedAt: 5 }, TaskExit, /TaskExit\.exitedAt must be an object, got 5/],
  [{ exitedAt: new Date(5) }, TaskExit, /a Date is no google\.protobuf\.Timestamp; give its fields/],
  [{ exitedAt: { seconds: 1.5 } }, TaskExit, /Timestamp\.seconds must be a bigint .* got 1\.5/],
  [
    { exitedAt: { second: 1 } },
    TaskExit,
    /"second" is no field of google\.protobuf\.Timestamp; its fields are: seconds, nanos/,
  ],
  [
    { size: 2n ** 63n },
    ContentCreate,
    /ContentCreate\.size must be a bigint from -9223372036854775808 to 9223372036854775807/,
  ],
  [{ size: 2 ** 53 }, ContentCreate, /or a safe integer\), got 9007199254740992/],
  [{ size: '5' }, ContentCreate, /got a string/],
  [{ sequence: -1n }, DeadLetter, /DeadLetter\.sequence must be a bigint from 0 /],
  [{ sequence: -1 }, DeadLetter, /got -1/],
  [{ labels: new Map([['a', 'b']]) }, ImageCreate, /ImageCreate\.labels must be a plain object, got an object/],
  [{ labels: ['a'] }, ImageCreate, /labels must be a plain object, got an array/],
  [{ labels: { a: 1 } }, ImageCreate, /ImageCreate\.labels must be a string, got 1/],
  [{ labels: { a: undefined } }, ImageCreate, /labels must be a string, got undefined/],
  [{ rootfs: {} }, TaskCreate, /TaskCreate\.rootfs must be an array, got an object/],
  [{ rootfs: 'ab' }, TaskCreate, /must be an array, got a string/],
  [{ rootfs: [null] }, TaskCreate, /TaskCreate\.rootfs must be an object, got null/],
  [{ rootfs: [{ options: [1] }] }, TaskCreate, /Mount\.options must be a string, got 1/],
  [{ io: { terminal: 1 } }, TaskCreate, /TaskIO\.terminal must be a boolean, got 1/],
  [{ event: { value: 'abc' } }, DeadLetter, /Any\.value must be a Uint8Array, got a string/],
  [{ event: { value: [1] } }, DeadLetter, /Any\.value must be a Uint8Array, got an array/],
  [{ event: { value: '' } }, DeadLetter, /Any\.value must be a Uint8Array, got a string/],
  [{ event: { value: [] } }, DeadLetter, /Any\.value must be a Uint8Array, got an array/],
  [{ value: transferred }, Any, /Any\.value must be a Uint8Array whose buffer was not transferred/],
  [{ text: 'a', number: 1 }, Everything, /Everything: only one of text and number may be set/],
  [{ oneInt32: 2 ** 31 }, Everything, /from -2147483648 to 2147483647/],
  [{ oneEnum: 'RED' }, Everything, /oneEnum must be an integer/],
  [{ oneFloat: '1' }, Everything, /oneFloat must be a number/],
  [
    { oneFloat: 1e39 },
    Everything,
    /oneFloat must be a number from -3\.40\d+e\+38 to 3\.40\d+e\+38 \(or infinite\), got 1e\+39/,
  ],
  [{ manyFloat: [1, -1e39] }, Everything, /manyFloat must be .* got -1e\+39/],
  [{ oneFloat: 3.4028235677973366e38 }, Everything, /oneFloat must be .* got 3\.4028235677973366e\+38/],
  [{ value: Number.MAX_VALUE }, FloatValue, /FloatValue\.value must be a number from/],
  [{ manyInt32: [1, null] }, Everything, /manyInt32 must be an integer .* got null/],
  [{ byInt32: { x: 'a' } }, Everything, /byInt32 must be an integer .* got NaN/],
  [{ byInt32: { '': 'a' } }, Everything, /byInt32 must be an integer .* got NaN/],
  [{ byUint64: { x: 'a' } }, Everything, /byUint64 must be a map whose keys are integers/],
  [{ byUint64: { '-1': 'a' } }, Everything, /byUint64 must be a bigint from 0/],
  [{ byBool: { yes: 'a' } }, Everything, /byBool must be a map with the keys true and false/],
  [
    { containerID: 'c', PID: 1 },
    TaskExit,
    /"containerID" is no field of containerd\.events\.TaskExit; its fields are: containerId, id, pid/,
  ],
  [{ container_id: 'c' }, TaskExit, /exitStatus, exitedAt\. Did you mean containerId\?/],
  [{ x: 1 }, Empty, /"x" is no field of google\.protobuf\.Empty; its fields are: none/],
  [[], Empty, /a Array is no google\.protobuf\.Empty/],
  [new Map(), Struct, /a Map is no google\.protobuf\.Struct/],
  [null, TaskExit, /containerd\.events\.TaskExit must be an object, got null/],
  ['x', TaskExit, /must be an object, got a string/],
  [cycle, Tree, /Tree\.left is nested deeper than 100 messages, or contains itself/],
  [deep, Tree, /nested deeper than 100/],
];

describe('encoding refuses', () => {
  for (const [event, codec, message] of refused) {
    it(`${message.source}`, () => {
      assert.throws(
        () => codec.encode(event, target, 0, target.length),
        (error: unknown) => {
          assert.ok(error instanceof InvalidEventError, `${error}`);
          assert.match(error.message, message);
          return true;
        },
      );
    });
  }
});

describe('encoding', () => {
  it('takes null for missing, as protobufjs does', () => {
    const event = { containerId: null, pid: null, exitedAt: null };
    assert.equal(encode(TaskExit, event).length, 0);
    assert.equal(encode(TaskCreate, { rootfs: null, io: null }).length, 0);
    assert.equal(encode(ImageCreate, { labels: null }).length, 0);
  });

  it('takes numbers for 64-bit fields and bigints for seconds, and leaves zeroes out in either form', () => {
    assert.deepEqual(encode(ContentCreate, { size: 5 }), encode(ContentCreate, { size: 5n }));
    assert.deepEqual(
      encode(ContentCreate, { size: -(2 ** 53) + 1 }),
      encode(ContentCreate, { size: -(2n ** 53n) + 1n }),
    );
    assert.deepEqual(encode(Timestamp, { seconds: -5n }), encode(Timestamp, { seconds: -5 }));
    for (const zero of [0, -0, 0n]) {
      assert.equal(encode(ContentCreate, { size: zero }).length, 0);
      assert.equal(encode(Timestamp, { seconds: zero }).length, 0);
    }
  });

  it('copies no more bytes than there are, whatever an object claims', () => {
    const liar = new Liar(100).fill(7);
    assert.equal(liar.length, 1);
    const room = Buffer.alloc(200);
    assert.equal(DeadLetter.encode({ event: { value: liar } }, room, 0, 50), -1);
    assert.ok(room.subarray(50).every((byte) => byte === 0));
    const end = DeadLetter.encode({ event: { value: liar } }, room, 0, 200);
    assert.equal(DeadLetter.decode(room, 0, end).event?.value.length, 100);
  });

  it('writes the bytes of an array that claims to have none', () => {
    const bytes = encode(Any, { value: new Hider(3).fill(7) });
    assert.equal(bytes.toString('hex'), '1203070707');
    assert.equal(encode(Any, { value: new Hider(0) }).length, 0);
  });

  it('rounds a number to the nearest float, and keeps infinity', () => {
    const largest = 3.4028234663852886e38;
    for (const [value, float] of [
      [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
      [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
      [3.4028235e38, largest],
      [-largest, -largest],
      [Number.NaN, Number.NaN],
    ] as const) {
      const bytes = encode(FloatValue, { value });
      assert.deepEqual(FloatValue.decode(bytes, 0, bytes.length).value, float);
    }
  });

  it('ignores properties that are no field beside those that are', () => {
    assert.deepEqual(encode(TaskExit, { pid: 1, PID: 2 }), encode(TaskExit, { pid: 1 }));
  });

  it('reads each getter once and may be used again by one', () => {
    const inner = Buffer.alloc(200);
    let reads = 0;
    let innerEnd = 0;
    const event = {
      get containerId() {
        reads++;
        innerEnd = TaskExit.encode({ containerId: 'inner', exitedAt: { seconds: 9, nanos: 9 } }, inner, 0, 200);
        return 'outer';
      },
      exitedAt: { seconds: 5, nanos: 5 },
    };
    const bytes = encode(TaskExit, event);
    assert.equal(reads, 1);
    assert.deepEqual(
      TaskExit.decode(bytes, 0, bytes.length),
      new TaskExit({ containerId: 'outer', exitedAt: { seconds: 5, nanos: 5 } }),
    );
    assert.equal(TaskExit.decode(inner, 0, innerEnd).containerId, 'inner');
  });

  it('writes a lone surrogate as the replacement character, in short and in long strings', () => {
    for (const text of ['\ud800', `${'x'.repeat(50)}\udfff`, `é\ud800${'x'.repeat(200)}`]) {
      const bytes = encode(ImageCreate, { name: text });
      assert.equal(ImageCreate.decode(bytes, 0, bytes.length).name, Buffer.from(text).toString());
    }
  });

  it('keeps a key __proto__ of a map, both ways, and takes own entries only', () => {
    const labels = JSON.parse('{"__proto__":"x","a":"b"}') as Record<string, string>;
    const bytes = encode(ImageCreate, { labels });
    const decoded = ImageCreate.decode(bytes, 0, bytes.length);
    assert.deepEqual(Object.entries(decoded.labels), Object.entries(labels));
    assert.equal(Object.getPrototypeOf(decoded.labels), Object.prototype);
    assert.deepEqual(Object.entries(new ImageCreate({ labels }).labels), Object.entries(labels));
    assert.equal(encode(ImageCreate, { labels: Object.create({ inherited: 'x' }) }).length, 0);
  });
});

describe('constructors', () => {
  it('make instances all the way down and copy lists and maps', () => {
    const options = ['ro'];
    const event = new TaskCreate({ rootfs: [{ options }], io: {} });
    assert.equal(event.rootfs[0]?.constructor.name, 'Mount');
    assert.equal(event.io?.constructor.name, 'TaskIO');
    options.push('rw');
    assert.deepEqual(event.rootfs[0]?.options, ['ro']);
    assert.equal(new ContentCreate({ size: 5 }).size, 5n);
    assert.deepEqual(new TaskExit(new TaskExit({ pid: 5 })), new TaskExit({ pid: 5 }));
  });

  it('give missing fields their defaults', () => {
    assert.deepEqual({ ...new ContentCreate() }, { digest: '', size: 0n, mediaType: '' });
    assert.deepEqual({ ...new TaskExit() }, { containerId: '', id: '', pid: 0, exitStatus: 0, exitedAt: undefined });
    assert.deepEqual(new TaskExit({}), new TaskExit());
  });
});

describe('decoding', () => {
  it('refuses nesting deeper than protobufjs reads', () => {
    let bytes = Buffer.alloc(0);
    const lengthOf = (size: number) => (size < 128 ? Buffer.of(size) : Buffer.of((size & 127) | 128, size >> 7));
    for (let depth = 0; depth < 100; depth++) bytes = Buffer.concat([Buffer.of(18), lengthOf(bytes.length), bytes]);
    Tree.decode(bytes, 0, bytes.length);
    bytes = Buffer.concat([Buffer.of(18), lengthOf(bytes.length), bytes]);
    assert.throws(() => Tree.decode(bytes, 0, bytes.length), MalformedPayloadError);
  });

  it('refuses the field number 0, also in a message without fields', () => {
    for (const tag of [0, 1, 2, 3, 5]) {
      assert.throws(() => Empty.decode(Buffer.of(tag, 0, 0, 0, 0, 0, 0, 0, 0), 0, 9), MalformedPayloadError);
    }
  });

  it('reads another message at the same place of a reused buffer', () => {
    const buffer = Buffer.alloc(200);
    const first = ImageCreate.encode({ name: 'a'.repeat(100) }, buffer, 0, 200);
    assert.equal(ImageCreate.decode(buffer, 0, first).name, 'a'.repeat(100));
    ImageCreate.encode({ name: 'b'.repeat(100) }, buffer, 0, 200);
    assert.equal(ImageCreate.decode(buffer, 0, first).name, 'b'.repeat(100));
  });
});

describe('a constructor refuses, with the field,', () => {
  const wrong: [name: string, make: () => unknown, message: string][] = [
    [
      'a string for a list',
      () => new Everything({ manyString: 'ab' as never }),
      'Everything.manyString must be an array, got a string',
    ],
    [
      'a Set for a list',
      () => new Everything({ manyEnum: new Set([1]) as never }),
      'Everything.manyEnum must be an array, got an object',
    ],
    [
      'an object for a list of messages',
      () => new Tree({ others: {} as never }),
      'Tree.others must be an array, got an object',
    ],
    [
      'a Map for a map',
      () => new Everything({ byNameString: new Map([['a', 'b']]) as never }),
      'Everything.byNameString must be a plain object, got an object',
    ],
    ['a string for a message', () => new Tree({ left: 'x' as never }), 'Tree.left must be an object, got a string'],
    [
      'a Date for a message',
      () => new TaskExit({ exitedAt: new Date(5) as never }),
      'TaskExit.exitedAt: a Date is no google.protobuf.Timestamp; give its fields',
    ],
    [
      'null in a list of messages',
      () => new Tree({ others: [null as never] }),
      'Tree.others must be an object, got null',
    ],
  ];
  const fieldsOfExit = 'containerId, id, pid, exitStatus, exitedAt';
  wrong.push(
    [
      'an object of which nothing is a field',
      () => new TaskExit({ containerID: 'c' } as never),
      `"containerID" is no field of containerd.events.TaskExit; its fields are: ${fieldsOfExit}. Did you mean containerId?`,
    ],
    [
      'a field that is misspelt where the others have their defaults',
      () => new TaskExit({ pid: 0, containerId: null, status: 1 } as never),
      `"status" is no field of containerd.events.TaskExit; its fields are: ${fieldsOfExit}`,
    ],
    [
      'a field of a message that has none',
      () => new Empty({ x: 1 } as never),
      '"x" is no field of google.protobuf.Empty; its fields are: none',
    ],
    [
      'a misspelt field of a message inside',
      () => new TaskExit({ pid: 1, exitedAt: { second: 1 } as never }),
      '"second" is no field of google.protobuf.Timestamp; its fields are: seconds, nanos',
    ],
    ['a number', () => new TaskExit(5 as never), 'containerd.events.TaskExit must be an object, got 5'],
    ['a Date', () => new Timestamp(new Date(5) as never), 'a Date is no google.protobuf.Timestamp; give its fields'],
  );
  for (const [name, make, message] of wrong) {
    it(name, () => assert.throws(make, { code: 'BUS_INVALID_EVENT', message: `event: ${message}` }));
  }

  it('and encoding names the field of an object that would be lost, and of bytes that were transferred', () => {
    assert.throws(() => encode(TaskExit, { exitedAt: { second: 1 } }), {
      message: /TaskExit\.exitedAt: "second" is no field/,
    });
    const message = /Everything\.manyBytes must be a Uint8Array whose buffer was not transferred/;
    assert.throws(() => encode(Everything, { manyBytes: [transferred] }), { code: 'BUS_INVALID_EVENT', message });
  });
});
