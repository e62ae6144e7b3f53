/** What tests of conditions on fields have in common. */
import protobuf from 'protobufjs/minimal.js';
import type { AnyEvent } from '../../src/envelope/any-event.js';
import { EnvelopeContext } from '../../src/envelope/envelope-context.js';
import type { EventCodec } from '../../src/envelope/event-codec.js';
import { ReceivedEnvelope } from '../../src/envelope/received-envelope.js';
import { TypeRegistry } from '../../src/envelope/type-registry.js';
import { compileFilter } from '../../src/topic/filter.js';
import { FieldReader } from '../../src/worker/field-reader.js';
import { Everything, Tree } from '../fixtures/generated/everything.js';
import { holdsDecoded } from './decoded-conditions.js';

export const TOPIC = '/tasks/exit';
/** Knows every built-in type, and those of the fixtures. */
export const registry = new TypeRegistry();
for (const type of [Everything, Tree]) registry.register(type as EventCodec);
registry.load([new URL('../../../test/fixtures/protobufjs/account.js', import.meta.url).href]);
const context = new EnvelopeContext(registry);
export const reader = new FieldReader(registry);

/** An envelope as a reader on this thread gets it, forwarded by somebody else. */
export function envelopeOf({ typeUrl, value }: AnyEvent): ReceivedEnvelope {
  const writer = protobuf.Writer.create();
  writer.uint32(10).fork().uint32(8).int64(1_700_000_000).uint32(16).int32(5).ldelim();
  writer.uint32(18).string('default').uint32(26).string(TOPIC);
  writer.uint32(34).fork().uint32(10).string(typeUrl).uint32(18).bytes(value).ldelim();
  const bytes = Buffer.from(writer.finish());
  return ReceivedEnvelope.over(bytes, context, 0, 0);
}

const scratch = Buffer.alloc(1 << 20);

/** An event as its bytes. */
export function packed(codec: EventCodec, event: unknown): AnyEvent {
  const end = codec.encode(event, scratch, 0, scratch.length);
  return { typeUrl: codec.typeUrl, value: Buffer.from(scratch.subarray(0, end)) };
}

/** Whether an event meets an expression, on its bytes. */
export function passes(expression: string, any: AnyEvent): boolean {
  const answer = compileFilter(expression).forTopic(TOPIC);
  return typeof answer === 'boolean' ? answer : answer.bind(reader)(envelopeOf(any));
}

/** The same, on the decoded event. */
export function passesDecoded(expression: string, codec: EventCodec, event: object): boolean {
  const answer = compileFilter(expression).forTopic(TOPIC);
  return typeof answer === 'boolean' ? answer : answer.tests.every((one) => holdsDecoded(registry, one, codec, event));
}
