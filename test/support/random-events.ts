/** Random events of any generated type, from a seed: faster than fast-check where there are thousands of types. */
import { type EventCodec, type FieldDescriptor, propertyOf } from '../../src/envelope/event-codec.js';

/** Numbers from 0 to 1. */
type Random = () => number;

const TEXTS = ['', 'a', 'container-1', 'häßlich', '😀', '\u0000', 'x'.repeat(200)];
const NUMBERS = [0, 1, -1, 127, 128, 2 ** 31 - 1, -(2 ** 31)];

/** @param depth how many messages deep, at most */
export function randomEvent(codec: EventCodec, random: Random, depth = 3): Record<string, unknown> {
  const event: Record<string, unknown> = {};
  const oneofs = new Set<string>();
  for (const field of codec.fields!) {
    if (random() < 0.4 || (field.kind === 'message' && depth === 0)) continue;
    if (field.oneof !== undefined) {
      if (oneofs.has(field.oneof)) continue;
      oneofs.add(field.oneof);
    }
    const value = () => randomValue(codec, field, field.kind, random, depth);
    const count = Math.floor(random() * 3);
    if (field.cardinality === 'singular') event[propertyOf(field)] = value();
    else if (field.cardinality === 'repeated') event[propertyOf(field)] = Array.from({ length: count }, value);
    else {
      const key = () => String(randomValue(codec, field, field.keyKind!, random, depth));
      event[propertyOf(field)] = Object.fromEntries(Array.from({ length: count }, () => [key(), value()]));
    }
  }
  return event;
}

function randomValue(
  codec: EventCodec,
  field: FieldDescriptor,
  kind: FieldDescriptor['kind'],
  random: Random,
  depth: number,
): unknown {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  if (field.name === 'seconds' && /^google\.protobuf\.(?:Timestamp|Duration)$/.test(codec.typeUrl))
    return pick(NUMBERS);
  switch (kind) {
    case 'message':
      return randomEvent(field.type!(), random, depth - 1);
    case 'enum':
      return pick(Object.values(field.values!()));
    case 'string':
      return pick(TEXTS);
    case 'bytes':
      return new Uint8Array(Array.from({ length: Math.floor(random() * 5) }, () => Math.floor(random() * 256)));
    case 'bool':
      return random() < 0.5;
    case 'double':
      return pick([...NUMBERS, 0.1, -0, Number.NaN, Number.POSITIVE_INFINITY, 1e300]);
    case 'float':
      return Math.fround(pick([...NUMBERS, 0.1, -0, Number.NaN, Number.NEGATIVE_INFINITY]));
    case 'uint32':
    case 'fixed32':
      return pick(NUMBERS) >>> 0;
    case 'uint64':
    case 'fixed64':
      return BigInt.asUintN(64, pick([...NUMBERS.map(BigInt), 2n ** 63n]));
    case 'int64':
    case 'sint64':
    case 'sfixed64':
      return pick([...NUMBERS.map(BigInt), -(2n ** 63n)]);
    default:
      return pick(NUMBERS);
  }
}
