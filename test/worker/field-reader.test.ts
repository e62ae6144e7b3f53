import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import protobuf from 'protobufjs/minimal.js';
import type { AnyEvent } from '../../src/envelope/any-event.js';
import type { EventCodec } from '../../src/envelope/event-codec.js';
import { ContainerCreate, ImageUpdate, TaskCreate, TaskExit } from '../../src/envelope/generated/index.js';
import { compileFilter } from '../../src/topic/filter.js';
import { Everything } from '../fixtures/generated/everything.js';
import { envelopeOf, packed, passes, passesDecoded, reader, registry, TOPIC } from '../support/field-scene.js';
import { size } from '../support/full.js';

function bytesOf(write: (writer: protobuf.Writer) => unknown): Uint8Array {
  const writer = protobuf.Writer.create();
  write(writer);
  return writer.finish();
}

const exit = packed(
  TaskExit,
  new TaskExit({ containerId: 'c1', id: '', pid: 0, exitStatus: 137, exitedAt: { seconds: 1_700_000_000, nanos: 5 } }),
);
const create = packed(
  ContainerCreate,
  new ContainerCreate({ id: 'c1', runtime: { name: 'runc', options: packed(TaskExit, new TaskExit({ pid: 7 })) } }),
);
const everything = packed(
  Everything,
  new Everything({
    maybeInt32: 0,
    maybeBool: false,
    oneEnum: 1,
    oneUint64: 2n ** 63n,
    manyInt32: [1, 200, -3],
    looseInt32: [],
    manyString: ['a', ''],
    manyMessage: [{ name: 'leaf' }, { vein: { length: 5n } }],
    byNameString: { 'a.b/c': 'x', empty: '' },
    byNameMessage: { 'k.k': { name: 'n' } },
    byInt64: { '-5': 'minus' },
    byBool: { true: 'yes' },
    struct: { fields: { name: { stringValue: 'v' } } },
    at: { seconds: -2, nanos: 500_000_000 },
    any: create,
    constructor$: 'own',
  }),
);

const rows: [expression: string, event: AnyEvent, passes: boolean][] = [
  ['event.exit_status!=0', exit, true],
  ['event.exitStatus>=137', exit, true],
  ['event.exit_status==0', exit, false],
  ['event.exit_status', exit, true],
  ['event.container_id==c1', exit, true],
  ['event.container_id~=^c[0-9]$', exit, true],
  ['event.pid==0', exit, true],
  ['event.pid', exit, false],
  ['event.id==""', exit, true],
  ['event.id', exit, false],
  ['event.exited_at', exit, true],
  ['event.exited_at>=2023-11-14T22:13:20Z', exit, true],
  ['event.exited_at==1700000000.000000005', exit, true],
  ['event.exited_at.nanos==5', exit, true],
  ['event.exited_at<yesterday', exit, false],
  ['event.nosuch', exit, false],
  ['event.nosuch==""', exit, false],
  ['event.nosuch~=".*"', exit, false],
  ['event.nosuch!=x', exit, true],
  ['event.pid.deeper!=x', exit, true],
  ['event.pid.deeper', exit, false],
  ['event.toString', exit, false],
  ['timestamp>1700000000', exit, true],
  ['timestamp<=1700000000', exit, false],
  ['event.runtime', create, true],
  ['event.runtime==x', create, false],
  ['event.runtime!=x', create, true],
  ['event.runtime.name==runc', create, true],
  ['event.runtime.options', create, true],
  ['event.runtime.options.pid==7', create, true],
  ['event.runtime.options.exit_status==0', create, true],
  ['event.runtime.options.type_url', create, false],
  ['event.runtime.name==""', packed(ContainerCreate, new ContainerCreate({})), false],
  ['event.runtime.options.pid!=7', packed(ContainerCreate, new ContainerCreate({})), true],
  ['event.maybe_int32', everything, true],
  ['event.maybe_int64', everything, false],
  ['event.maybe_int64==0', everything, true],
  ['event.maybe_bool==false', everything, true],
  ['event.one_enum==COLOR_RED', everything, true],
  ['event.one_enum>COLOR_UNSPECIFIED', everything, true],
  ['event.one_uint64==9223372036854775808', everything, true],
  ['event.many_int32', everything, true],
  ['event.loose_int32', everything, false],
  ['event.many_int32==200', everything, true],
  ['event.many_int32!=200', everything, false],
  ['event.many_int32<0', everything, true],
  ['event.many_int32>200', everything, false],
  ['event.many_string==a', everything, true],
  ['event.many_message.name==leaf', everything, true],
  ['event.many_message.vein.length==5', everything, true],
  ['event.by_name_string."a.b/c"==x', everything, true],
  ['event.by_name_string.a."b/c"==x', everything, true],
  ['event.by_name_string.empty', everything, true],
  ['event.by_name_string.other', everything, false],
  ['event.by_name_string', everything, true],
  ['event.by_name_bool', everything, false],
  ['event.by_name_message."k.k".name==n', everything, true],
  ['event.by_name_message."k.k"', everything, true],
  ['event.by_int64."-5"==minus', everything, true],
  ['event.by_int64."-05"==minus', everything, false],
  ['event.by_bool.true==yes', everything, true],
  ['event.by_bool.false', everything, false],
  ['event.struct.fields.name.string_value==v', everything, true],
  ['event.at==-1.5', everything, true],
  ['event.any.runtime.options.pid==7', everything, true],
  ['event.constructor==own', everything, true],
  ['event.labels."a.b/c"==x', packed(ImageUpdate, new ImageUpdate({ labels: { 'a.b/c': 'x' } })), true],
  ['event.rootfs.type==overlay', packed(TaskCreate, new TaskCreate({ rootfs: [{}, { type: 'overlay' }] })), true],
  ['event.rootfs.options==ro', packed(TaskCreate, new TaskCreate({ rootfs: [{ options: ['rw', 'ro'] }] })), true],
];

describe('a condition on the bytes of an event', () => {
  for (const [expression, event, expected] of rows) {
    test(`${expression} ${expected ? 'passes' : 'stops'} the ${event.typeUrl}`, () => {
      assert.equal(passes(expression, event), expected);
    });
  }

  test('tells types apart on one topic, also with a field of one name', () => {
    const answer = compileFilter('event.id==c1').forTopic(TOPIC);
    assert.ok(typeof answer === 'object');
    const holds = answer.bind(reader);
    const unknown = { typeUrl: 'example.Unknown', value: exit.value };
    for (let round = 0; round < 3; round++) {
      assert.deepEqual(
        [exit, create, unknown].map((event) => holds(envelopeOf(event))),
        [false, true, false],
      );
    }
  });
});

const plain = registry.anyPack({
  ...{ status: 0, name: 'n', none: null, big: 2n ** 60n, when: new Date(1_500), list: [{ a: 1 }, { a: 2 }] },
  ...{ labels: { 'a.b': 'x' }, map: new Map([['k', 'v']]), bytes: Buffer.from('raw'), exit_status: 3 },
});
const account = packed(registry.find('test.accounts.Account')!, { name: '', byName: { a: 5 } });

const schemaless: [expression: string, event: AnyEvent, passes: boolean][] = [
  ['event.status', plain, true],
  ['event.status==0', plain, true],
  ['event.none', plain, false],
  ['event.none!=x', plain, true],
  ['event.nosuch', plain, false],
  ['event.nosuch!=x', plain, true],
  ['event.toString', plain, false],
  ['event.name.length', plain, false],
  ['event.name~=^n$', plain, true],
  ['event.big==1152921504606846976', plain, true],
  ['event.when==1970-01-01T00:00:01.5Z', plain, true],
  ['event.list.a==2', plain, true],
  ['event.list.a!=2', plain, false],
  ['event.list', plain, true],
  ['event.labels."a.b"==x', plain, true],
  ['event.labels.a.b==x', plain, true],
  ['event.labels', plain, true],
  ['event.labels==x', plain, false],
  ['event.map.k==v', plain, true],
  ['event.bytes==raw', plain, true],
  ['event.exit_status==3', plain, true],
  ['event.exitStatus', plain, false],
  ['event.x', registry.anyPack(5), false],
  ['event.x!=1', registry.anyPack(null), true],
  ['event.by_name.a==5', account, true],
  ['event.byName.a>4', account, true],
  ['event.balance==0', account, true],
  ['event.maybe', account, false],
  ['event.toJSON', account, false],
  ['event.any.status==0', packed(Everything, { any: plain }), true],
];

describe('a condition on an event without a schema', () => {
  for (const [expression, event, expected] of schemaless) {
    test(`${expression} ${expected ? 'passes' : 'stops'} the ${event.typeUrl}`, () => {
      assert.equal(passes(expression, event), expected);
    });
  }
});

describe('a condition on bytes that no encoder of ours writes', () => {
  const both = (expression: string, value: Uint8Array, expected: boolean, codec: EventCodec = Everything): void => {
    const event = { typeUrl: codec.typeUrl, value };
    assert.equal(passes(expression, event), expected, expression);
    assert.equal(
      passesDecoded(expression, codec, registry.anyUnpack(event) as object),
      expected,
      `${expression}, decoded`,
    );
  };

  test('sees the last value of a field, whatever is between', () => {
    const value = bytesOf((w) => w.uint32(24).uint32(1).uint32(800).uint32(5).uint32(24).uint32(2));
    both('event.one_int32==2', value, true);
    both('event.one_int32==1', value, false);
  });

  test('sees nothing in a field of another wire type', () => {
    both(
      'event.one_int32==0',
      bytesOf((w) => w.uint32(26).string('x')),
      true,
    );
  });

  test('sees the parts of one message together', () => {
    const value = bytesOf((w) => {
      w.uint32(17 * 8 + 2)
        .fork()
        .uint32(10)
        .string('first')
        .ldelim();
      w.uint32(17 * 8 + 2)
        .fork()
        .uint32(18)
        .bytes(Buffer.of(1))
        .ldelim();
    });
    both('event.one_message.name==first', value, true);
    both('event.one_message.data', value, true);
  });

  test('sees only the last member of a oneof', () => {
    const value = bytesOf((w) =>
      w
        .uint32(92 * 8 + 2)
        .string('t')
        .uint32(93 * 8)
        .uint32(5),
    );
    both('event.text', value, false);
    both('event.number==5', value, true);
  });

  test('sees packed and single values of one list, whichever it should be', () => {
    const value = bytesOf((w) => {
      w.uint32(36 * 8)
        .int32(1)
        .uint32(36 * 8 + 2)
        .fork()
        .int32(2)
        .int32(3)
        .ldelim();
      w.uint32(53 * 8 + 2)
        .fork()
        .int32(4)
        .ldelim();
    });
    for (const expression of ['event.many_int32==1', 'event.many_int32==3', 'event.loose_int32==4']) {
      both(expression, value, true);
    }
    both('event.many_int32==4', value, false);
  });

  test('sees the last entry of a key, keys and values in any order or omitted', () => {
    const entry = (write: (w: protobuf.Writer) => unknown) => (w: protobuf.Writer) => {
      w.uint32(77 * 8 + 2).fork();
      write(w);
      w.ldelim();
    };
    const value = bytesOf((w) => {
      entry((inside) => inside.uint32(10).string('k').uint32(18).string('old'))(w);
      entry((inside) => inside.uint32(18).string('new').uint32(10).string('k'))(w);
      entry((inside) => inside.uint32(10).string('bare'))(w);
      entry((inside) => inside.uint32(18).string('of nothing'))(w);
      w.uint32(80 * 8 + 2)
        .fork()
        .uint32(10)
        .string('leaf')
        .ldelim();
    });
    both('event.by_name_string.k==new', value, true);
    both('event.by_name_string.k==old', value, false);
    both('event.by_name_string.bare', value, true);
    both('event.by_name_string.bare==""', value, true);
    both('event.by_name_string.""=="of nothing"', value, true);
    both('event.by_name_message.leaf.name==""', value, true);
  });
});

describe('a condition on a malformed payload', () => {
  const malformed: [name: string, value: Uint8Array, typeUrl?: string][] = [
    ['ends in a field', Uint8Array.of(0x0a, 200)],
    ['ends in a tag', Uint8Array.of(0x80)],
    ['has a field 0', Uint8Array.of(0, 0)],
    ['has a wire type that does not exist', Uint8Array.of(0x0f)],
    ['has too long a varint', Uint8Array.of(0x20, ...new Array<number>(11).fill(0xff))],
    ['is no MessagePack', Uint8Array.of(0x92, 1), 'ringcast.MessagePack'],
    ['is no protobuf for protobufjs', Uint8Array.of(0x0a, 200), 'test.accounts.Account'],
  ];
  for (const [name, value, typeUrl = 'containerd.events.TaskExit'] of malformed) {
    test(`that ${name} is never met`, () => {
      const event = { typeUrl, value };
      for (const comparison of ['', '==0', '!=0', '<1', '~=".*"']) {
        assert.equal(passes(`event.exit_status${comparison}`, event), false, comparison);
      }
    });
  }

  test('with Anys inside each other without end is never met, nor is the stack', () => {
    let any: AnyEvent = { typeUrl: 'google.protobuf.Any', value: Buffer.of() };
    for (let level = 0; level < 5_000; level++)
      any = { typeUrl: 'google.protobuf.Any', value: packed(registry.find(any.typeUrl)!, any).value };
    assert.equal(passes('event.x', any), false);
  });

  test('of random bytes throws nothing', () => {
    const tests = [
      'event.exit_status!=0',
      'event.exited_at>5',
      'event.many_int32<5',
      'event.by_name_string.a',
      'event.any.pid',
    ];
    const answers = tests.map((expression) => compileFilter(expression).forTopic(TOPIC));
    const compiled = answers.map((answer) => (typeof answer === 'object' ? answer.bind(reader) : assert.fail()));
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.array(fc.nat(40), { maxLength: 60 }).map((a) => Uint8Array.from(a)),
    );
    fc.assert(
      fc.property(bytes, fc.constantFrom('containerd.events.TaskExit', 'test.v1.Everything'), (value, typeUrl) => {
        const envelope = envelopeOf({ typeUrl, value });
        for (const holds of compiled) assert.equal(typeof holds(envelope), 'boolean');
      }),
      { numRuns: size(500, 2_000) },
    );
  });
});
