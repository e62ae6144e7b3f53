import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { isAny } from '../../src/envelope/any-event.js';
import { TypeRegistry } from '../../src/envelope/type-registry.js';
import {
  DuplicateTypeError,
  InvalidEventError,
  InvalidTypeUrlError,
  MalformedPayloadError,
  TypesModuleError,
  UnknownTypeError,
} from '../../src/errors.js';
import {
  Any,
  ContentCreate,
  DeadLetter,
  Empty,
  ImageCreate,
  Int64Value,
  TaskExit,
  Timestamp,
} from '../../src/events.js';
import { Everything, Tree } from '../fixtures/generated/everything.js';

/** A path relative to the repository, as seen from the compiled test. */
function moduleUrl(path: string): string {
  return new URL(`../../../${path}`, import.meta.url).href;
}

const accountModule = moduleUrl('test/fixtures/protobufjs/account.js');
const containerdModule = moduleUrl('test/fixtures/protobufjs/containerd.js');
const ownModule = moduleUrl('dist/test/fixtures/generated/everything.js');

const folder = mkdtempSync(join(tmpdir(), 'ringcast-types-'));
after(() => rmSync(folder, { recursive: true }));
let modules = 0;

/** A module with that source. */
function sourceModule(source: string): string {
  const path = join(folder, `module-${modules++}.mjs`);
  writeFileSync(path, source);
  return pathToFileURL(path).href;
}

interface AccountClass {
  new (properties?: object): object;
  create(properties?: object): object;
}

async function accountClass(): Promise<AccountClass> {
  const module = (await import(accountModule)) as { test: { accounts: { Account: AccountClass } } };
  return module.test.accounts.Account;
}

describe('type registry', () => {
  it('refuses types whose URL is longer than 1,024 bytes, and adds none of a module that has one', () => {
    const registry = new TypeRegistry();
    const codec = { typeUrl: 'x'.repeat(1025), encode: () => 0, decode: () => 0 };
    assert.throws(() => registry.register(codec), InvalidTypeUrlError);
    const source = (typeUrl: string): string => `{ typeUrl: ${typeUrl}, encode() {}, decode() {} }`;
    const types = `export const short = ${source("'acme.Short'")}, long = ${source("'x'.repeat(1025)")};`;
    assert.throws(() => registry.load([sourceModule(types)]), InvalidTypeUrlError);
    assert.equal(registry.find('acme.Short'), undefined);
  });

  it('knows the types of this package', () => {
    const registry = new TypeRegistry();
    for (const type of [TaskExit, ImageCreate, DeadLetter, Timestamp, Any, Empty, Int64Value]) {
      assert.equal(registry.find(type.typeUrl), type);
      assert.equal(registry.find(`type.googleapis.com/${type.typeUrl}`), type);
      assert.equal(registry.codecOf(new type()), type);
    }
    assert.equal(registry.find('ringcast.MessagePack')?.typeUrl, 'ringcast.MessagePack');
    assert.equal(registry.find('containerd.services.images.v1.ImageCreate'), ImageCreate);
    assert.equal(registry.find('TaskExit'), undefined);
    assert.equal(registry.find(''), undefined);
    assert.equal(registry.find('/'), undefined);
  });

  it('takes instances of subclasses for their type, and plain values for none', () => {
    class MyExit extends TaskExit {
      readonly extra = 1;
    }
    const registry = new TypeRegistry();
    assert.equal(registry.codecOf(new MyExit()), TaskExit);
    for (const value of [{}, { pid: 1 }, Object.create(null), [], null, undefined, 'x', 1, new Map(), () => {}]) {
      assert.equal(registry.codecOf(value), undefined);
    }
  });

  it('takes a type twice, but not two types of one name', () => {
    const registry = new TypeRegistry();
    registry.register(Everything);
    registry.register(Everything);
    assert.equal(registry.find('test.v1.Everything'), Everything);
    const other = { typeUrl: 'test.v1.Everything', encode: () => -1, decode: () => undefined };
    assert.throws(() => registry.register(other), DuplicateTypeError);
    assert.throws(() => registry.register({ ...other, typeUrl: TaskExit.typeUrl }), DuplicateTypeError);
    assert.equal(registry.find('test.v1.Everything'), Everything);
  });

  it('loads every type a module exports', async () => {
    const registry = new TypeRegistry();
    registry.load([ownModule, ownModule]);
    assert.equal(registry.find('test.v1.Everything')?.typeUrl, 'test.v1.Everything');
    assert.equal(registry.find('test.v1.Everything.Leaf.Vein')?.typeUrl, 'test.v1.Everything.Leaf.Vein');
    assert.equal(registry.codecOf(new Tree())?.typeUrl, 'test.v1.Tree');
  });

  const broken: [name: string, source: string, reason: RegExp][] = [
    ['does not parse', 'export {', /Unexpected/],
    ['throws', 'throw new Error("not today")', /not today/],
    ['exports no type', 'export const x = { y: [1], z: null, f() {} }; x.self = x;', /exports no event type/],
  ];
  for (const [name, source, reason] of broken) {
    it(`refuses a module that ${name} and adds nothing of the others`, async () => {
      const registry = new TypeRegistry();
      assert.throws(
        () => registry.load([ownModule, sourceModule(source)]),
        (error: unknown) => error instanceof TypesModuleError && reason.test(error.message),
      );
      assert.equal(registry.find('test.v1.Everything'), undefined);
    });
  }

  it('refuses two modules with different types of one name and adds neither', async () => {
    const registry = new TypeRegistry();
    const source = 'export const A = { typeUrl: "a.B", encode() {}, decode() {} }';
    assert.throws(
      () => registry.load([ownModule, sourceModule(source), sourceModule(`${source};`)]),
      DuplicateTypeError,
    );
    assert.equal(registry.find('a.B'), undefined);
    assert.equal(registry.find('test.v1.Everything'), undefined);
  });

  it('packs an event as an Any by its class and unpacks it', () => {
    const registry = new TypeRegistry();
    const event = new ContentCreate({ digest: 'd', size: 2 ** 40 });
    const any = registry.anyPack(event);
    assert.equal(any.typeUrl, 'containerd.events.ContentCreate');
    assert.deepEqual(registry.anyUnpack(any), event);
    const plain = { at: new Date(5), labels: new Map([['a', 1n]]), text: 'x'.repeat(5000) };
    assert.equal(registry.anyPack(plain).typeUrl, 'ringcast.MessagePack');
    assert.deepEqual(registry.anyUnpack(registry.anyPack(plain)), plain);
    const untouched = new Any({ typeUrl: 'not.Known', value: Uint8Array.of(1) });
    assert.equal(registry.anyPack(untouched), untouched);
    assert.ok(isAny({ typeUrl: 'x', value: Buffer.alloc(0) }) && !isAny({ typeUrl: 'x' }) && !isAny(null));
    assert.throws(() => registry.anyUnpack(untouched), UnknownTypeError);
    assert.throws(
      () => registry.anyUnpack({ typeUrl: TaskExit.typeUrl, value: Uint8Array.of(1) }),
      MalformedPayloadError,
    );
  });
});

describe('protobufjs adapter', () => {
  const large = 2n ** 62n + 1n;

  async function load() {
    const registry = new TypeRegistry();
    registry.load([accountModule]);
    const codec = registry.find('test.accounts.Account');
    assert.ok(codec);
    const target = Buffer.from(new SharedArrayBuffer(1 << 12));
    const roundTrip = (event: unknown) => {
      const end = codec.encode(event, target, 3, target.length);
      const bytes = Buffer.from(target.subarray(3, end));
      return codec.decode(bytes, 0, bytes.length) as Record<string, unknown>;
    };
    return { registry, codec, target, roundTrip };
  }

  it('carries 64-bit values as bigint, in lists, maps and messages inside, from instances and plain objects', async () => {
    const { registry, roundTrip } = await load();
    const Account = await accountClass();
    const fields = {
      name: 'a',
      balance: -large,
      limit: 2n ** 64n - 1n,
      history: [1n, -large],
      byName: { x: large },
      parent: { balance: 5n, kind: { code: 2n ** 64n - 1n } },
      data: Uint8Array.of(1, 2),
      maybe: 0n,
      at: { seconds: 7n, nanos: 5 },
    };
    for (const event of [fields, Account.create(fields), new Account(fields)]) {
      const decoded = roundTrip(event);
      assert.ok(decoded instanceof Account);
      assert.equal(registry.codecOf(decoded)?.typeUrl, 'test.accounts.Account');
      assert.equal(decoded.balance, -large);
      assert.equal(decoded.limit, 2n ** 64n - 1n);
      assert.deepEqual(decoded.history, [1n, -large]);
      assert.deepEqual({ ...(decoded.byName as object) }, { x: large });
      const parent = decoded.parent as Record<string, unknown>;
      assert.equal(parent.balance, 5n);
      assert.equal(parent.limit, 0n);
      assert.deepEqual({ ...(parent.kind as object) }, { code: 2n ** 64n - 1n });
      assert.equal(decoded.maybe, 0n);
      // What was received may be published again.
      assert.equal((roundTrip(decoded).history as bigint[])[1], -large);
    }
    assert.equal(roundTrip({ balance: 12 }).balance, 12n);
    assert.equal(roundTrip({}).balance, 0n);
    assert.equal(roundTrip({}).maybe ?? undefined, undefined);
  });

  it('refuses what protobufjs would write as another value', async () => {
    const { codec, target } = await load();
    const cycle: Record<string, unknown> = {};
    cycle.parent = cycle;
    for (const event of [
      { limit: -1n },
      { balance: 2n ** 63n },
      { history: [2n ** 64n] },
      { parent: { kind: { code: -1n } } },
      { balance: 1.5 },
      { name: 5 },
      { balance: 1n, data: 5 },
      null,
      'x',
      cycle,
    ]) {
      assert.throws(() => codec.encode(event, target, 0, target.length), InvalidEventError);
    }
  });

  it('returns -1 where the event does not fit, and an error of its own for damaged bytes', async () => {
    const { codec, target } = await load();
    target.fill(0);
    assert.equal(codec.encode({ name: 'abc' }, target, 10, 14), -1);
    assert.ok(target.every((byte) => byte === 0));
    assert.equal(codec.encode({ name: 'abc' }, target, 10, 15), 15);
    assert.throws(() => codec.decode(Buffer.of(10, 9), 0, 2), MalformedPayloadError);
  });

  it('takes a module that brings copies of types this package has', async () => {
    const registry = new TypeRegistry();
    registry.load([containerdModule]);
    assert.equal(registry.find(TaskExit.typeUrl), TaskExit);
    assert.equal(registry.codecOf(new TaskExit()), TaskExit);
    const module = (await import(containerdModule)) as { containerd: { events: { TaskExit: AccountClass } } };
    const any = registry.anyPack(new module.containerd.events.TaskExit({ containerId: 'c', pid: 5 }));
    assert.deepEqual(registry.anyUnpack(any), new TaskExit({ containerId: 'c', pid: 5 }));
  });
});
