/** Events that are told by a number, and whose every byte follows from that number and a size, so that a torn one shows. */
import protobuf from 'protobufjs/minimal.js';
import { type DeadLetter, TaskExit } from '../../src/events.js';
import type { Envelope } from '../../src/index.js';
import { mix } from '../torture/payload.js';
import type { Selectable } from './topics.js';

/** How an event is encoded: MessagePack, an event class, or an Any that passes through untouched. */
export type Shape = 'plain' | 'typed' | 'bytes';

/** An event as the reference knows it. */
export interface Known extends Selectable {
  /** Tells the event; that of a dead letter is negative. */
  readonly id: number;
  /** Of its record, at most. */
  readonly recordBytes: number;
}

/** Bytes of a record besides the text in it, at most. */
const OVERHEAD_BYTES = 256;

export const recordBytesOf = (size: number): number => size + OVERHEAD_BYTES;

/** Text or bytes of an event, besides what tells it. */
export const MAX_SIZE = 7_500;

/** Of forwarded envelopes, which keep their own namespace and time. */
export const ELSEWHERE = 'elsewhere';

const BYTES_TYPE = 'random.Bytes';
/** Id of an envelope that is not to the byte what was published. */
export const TORN = -1;

const fillOf = (id: number): number => 97 + (id % 26);

function filler(id: number, size: number): string {
  return String.fromCharCode(fillOf(id)).repeat(size);
}

export function exitStatusOf(id: number, shape: Shape): number | undefined {
  return shape === 'typed' ? id % 4 : undefined;
}

/** Where events come in that begin elsewhere. */
export const ORIGINS = ['peer', 'an origin with a long name, of which the bus keeps a number'] as const;

/** Events with numbers from a multiple of it on have an extension in common. */
export const BLOCK = 8;

/** Of an event by its number; undefined: it begins here, as dead letters do. */
export function originOf(id: number): string | undefined {
  return id < 0 ? undefined : ORIGINS[mix(Math.floor(id / BLOCK), 1) % 4];
}

function traceparentOf(id: number): string | undefined {
  const block = Math.floor(id / BLOCK) + 1;
  if (id < 0 || mix(block, 2) % 3 > 0) return undefined;
  return `00-${block.toString(16).padStart(32, '0')}-${block.toString(16).padStart(16, 'a')}-01`;
}

/** What an event is published with, beside its namespace. */
export function extensionOf(id: number): {
  readonly origin?: string | undefined;
  readonly traceparent?: string | undefined;
} {
  const [origin, traceparent] = [originOf(id), traceparentOf(id)];
  return origin === undefined && traceparent === undefined ? {} : { origin, traceparent };
}

/** What to publish. A plain event can be made to run code while it is encoded. */
export function makeEvent(id: number, shape: Shape, size: number): object {
  switch (shape) {
    case 'plain':
      return { id, size, text: filler(id, size) };
    case 'typed':
      return new TaskExit({ pid: id, exitStatus: id % 4, id: String(size), containerId: filler(id, size) });
    case 'bytes':
      return { typeUrl: BYTES_TYPE, value: bytesOf(id, size) };
  }
}

function bytesOf(id: number, size: number): Buffer {
  const bytes = Buffer.alloc(8 + size, fillOf(id));
  bytes.writeInt32LE(id, 0);
  bytes.writeInt32LE(size, 4);
  return bytes;
}

/** An envelope from elsewhere, in the canonical order of its fields or in another, with one that nobody knows. */
export function makeEnvelope(id: number, topic: string, size: number, canonical: boolean): Uint8Array {
  const writer = protobuf.Writer.create();
  const field = (number: number): protobuf.Writer => writer.uint32((number << 3) | 2);
  if (!canonical) field(15).string('unknown');
  field(1).fork().uint32(8).int64(secondsOf(id)).uint32(16).int32(1).ldelim();
  if (canonical) field(2).string(ELSEWHERE);
  field(3).string(topic);
  if (!canonical) field(2).string(ELSEWHERE);
  field(4).fork().uint32(10).string(BYTES_TYPE).uint32(18).bytes(bytesOf(id, size)).ldelim();
  return writer.finish();
}

const secondsOf = (id: number): number => 1_000_000 + id;

/** The id of an event that is as it was published, to the last byte; else {@link TORN}. */
export function idOf(envelope: Envelope): number {
  const { namespace, typeUrl } = envelope;
  if (typeUrl === 'ringcast.DeadLetter') return letterId(Number((envelope.event as DeadLetter).sequence));
  const id = idOfEvent(envelope, typeUrl);
  if (envelope.origin !== originOf(id) || envelope.traceparent !== traceparentOf(id)) return TORN;
  if (namespace === ELSEWHERE && envelope.timestamp !== BigInt(secondsOf(id)) * 1_000_000_000n + 1n) return TORN;
  return id;
}

function idOfEvent(envelope: Envelope, typeUrl: string): number {
  if (typeUrl === BYTES_TYPE) {
    const { payload } = envelope;
    const id = Buffer.from(payload.buffer, payload.byteOffset, payload.length).readInt32LE(0);
    return bytesOf(id, payload.length - 8).equals(payload) ? id : TORN;
  }
  if (typeUrl === TaskExit.typeUrl) {
    const { pid, exitStatus, id: size, containerId } = envelope.event as TaskExit;
    return exitStatus === pid % 4 && containerId === filler(pid, Number(size)) ? pid : TORN;
  }
  const { id, size, text } = envelope.event as { id: number; size: number; text: string };
  return text === filler(id, size) ? id : TORN;
}

/** The id of the dead letter about the event with a sequence. */
export function letterId(sequence: number): number {
  return -2 - sequence;
}
