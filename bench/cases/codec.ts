/** Encoding and decoding one event, without a bus around it: generated classes, other libraries of protobuf, and JSON and its like. */
import { type create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Packr } from 'msgpackr';
import type { EventCodec } from 'ringcast/codec';
import { ContainerUpdate, TaskCreate, TaskExit } from 'ringcast/events';
import { timeCalls } from '../call-timing.js';
import { bufbuildSchema, protobufjsType } from '../codec-peers.js';
import { plainEvents } from '../corpus.js';
import { check } from '../results.js';
import { type BenchCase, inTurns, type Subject } from '../rounds.js';

const UNITS = { cost: 'ns' };
const { containerId, pid } = plainEvents[0]!;

/** msgpackr at its fastest: both sides have the structures of all objects, and none is sent. */
function sharedRecords(event: object): { packr: Packr; packed: Buffer } {
  const packr = new Packr({ structures: [] });
  packr.pack(event);
  return { packr, packed: Buffer.from(packr.pack(event)) };
}

/** @param event plain, with nothing in it that the libraries take in different forms */
function casesOf(name: string, file: string, codec: EventCodec, event: object): BenchCase[] {
  const target = Buffer.alloc(4096);
  const bytes = Buffer.from(target.subarray(0, codec.encode(event, target, 0, target.length)));
  const instance = codec.decode(bytes, 0, bytes.length);
  const encode = `codec/encode/${name}`;
  const decode = `codec/decode/${name}`;

  const subject = (
    benchCase: string,
    library: string,
    open: () => Promise<{ call(): unknown; again(result: unknown): Uint8Array }>,
  ): Subject => ({
    name: library,
    async open() {
      const { call, again } = await open();
      check(
        benchCase,
        library,
        Buffer.compare(again(call()), bytes) === 0,
        'the bytes are not those that ringcast writes',
      );
      let last: unknown;
      const timed = await timeCalls({
        batch(count) {
          for (let index = 0; index < count; index++) last = call();
        },
      });
      return {
        round: (roundMs) => timed.round(roundMs),
        close() {
          check(benchCase, library, last !== undefined, 'nothing came of it');
        },
      };
    },
  });

  const encoded = (value: unknown): Uint8Array =>
    Buffer.from(target.subarray(0, codec.encode(value, target, 0, target.length)));
  const ours = () => target.subarray(0, codec.encode(instance, target, 0, target.length));
  return [
    inTurns(encode, UNITS, [
      subject(encode, 'ringcast', async () => ({ call: ours, again: () => ours() })),
      subject(encode, 'protobufjs', async () => {
        const type = await protobufjsType(file, codec.typeUrl);
        const message = type.create(event);
        return { call: () => type.encode(message).finish(), again: (result) => result as Uint8Array };
      }),
      subject(encode, 'bufbuild', async () => {
        const schema = bufbuildSchema(codec);
        const message = fromBinary(schema, bytes);
        return { call: () => toBinary(schema, message), again: (result) => result as Uint8Array };
      }),
      subject(encode, 'JSON', async () => ({
        call: () => JSON.stringify(event),
        again: (text) => encoded(JSON.parse(text as string)),
      })),
      subject(encode, 'msgpackr', async () => {
        const { packr } = sharedRecords(event);
        return { call: () => packr.pack(event), again: (packed) => encoded(packr.unpack(packed as Buffer)) };
      }),
    ]),
    inTurns(decode, UNITS, [
      subject(decode, 'ringcast', async () => ({
        call: () => codec.decode(bytes, 0, bytes.length),
        again: (event) => Buffer.from(target.subarray(0, codec.encode(event, target, 0, target.length))),
      })),
      subject(decode, 'protobufjs', async () => {
        const type = await protobufjsType(file, codec.typeUrl);
        return { call: () => type.decode(bytes), again: (event) => type.encode(event as object as never).finish() };
      }),
      subject(decode, 'bufbuild', async () => {
        const schema = bufbuildSchema(codec);
        return {
          call: () => fromBinary(schema, bytes),
          again: (event) => toBinary(schema, event as ReturnType<typeof create>),
        };
      }),
      subject(decode, 'JSON', async () => {
        const text = JSON.stringify(event);
        return { call: () => JSON.parse(text), again: encoded };
      }),
      subject(decode, 'msgpackr', async () => {
        const { packr, packed } = sharedRecords(event);
        return { call: () => packr.unpack(packed), again: encoded };
      }),
      // There and back: what postMessage does for one receiver.
      subject(decode, 'structuredClone', async () => ({ call: () => structuredClone(event), again: encoded })),
    ]),
  ];
}

export const cases: readonly BenchCase[] = [
  ...casesOf('TaskExit', 'containerd/events/task.proto', TaskExit, plainEvents[0]!),
  ...casesOf('ContainerUpdate', 'containerd/events/container.proto', ContainerUpdate, {
    id: containerId,
    image: 'docker.io/library/redis:7',
    labels: { app: 'shop', tier: 'backend', 'io.kubernetes.pod.namespace': 'default' },
  }),
  ...casesOf('TaskCreate', 'containerd/events/task.proto', TaskCreate, {
    containerId,
    bundle: '/run/containerd/io.containerd.runtime.v2.task/default/redis',
    rootfs: [{ type: 'overlay', source: 'overlay', options: ['rw', 'lowerdir=/a'] }],
    io: { stdin: '/in', stdout: '/out', stderr: '/err' },
    pid,
  }),
];
