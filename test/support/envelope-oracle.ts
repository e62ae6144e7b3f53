/** Envelopes as protobufjs writes them, and random ones. */

import fc from 'fast-check';
import { Envelope as EnvelopeMessage } from '../../src/events.js';
import { codePoint } from './code-points.js';
import { loadOracle, oracleEncode } from './protobuf-oracle.js';

const type = loadOracle(['proto/containerd/types/envelope.proto']).lookupType('containerd.types.Envelope');

export interface EnvelopeFields {
  readonly timestamp?: { readonly seconds: number; readonly nanos: number } | undefined;
  readonly namespace?: string | undefined;
  readonly topic?: string | undefined;
  readonly event?: { readonly typeUrl: string; readonly value: Uint8Array } | undefined;
}

/** The bytes protobufjs writes for an envelope. */
export function oracleEnvelope(fields: EnvelopeFields): Buffer {
  return oracleEncode(type, EnvelopeMessage, fields);
}

const options = { noNullPrototype: true };

const arbitraryTimestamp = fc.record(
  {
    seconds: fc.oneof(
      fc.constantFrom(0, 1, -1, 127, 128, 1_732_000_000, -(2 ** 31), 2 ** 32),
      fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }),
    ),
    nanos: fc.oneof(fc.constantFrom(0, 1, 999_999_999), fc.nat(999_999_999)),
  },
  options,
);

/** Sizes on both sides of where a length takes one byte more. */
export const arbitraryPayload = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc
    .constantFrom(0, 1, 90, 97, 98, 99, 100, 125, 126, 127, 128, 129, 16_200, 16_350, 16_382, 16_383, 16_384, 16_385)
    .chain((size) => fc.nat(255).map((fill) => new Uint8Array(size).fill(fill))),
);

const arbitraryText = fc.oneof(
  fc.constantFrom(
    '',
    'k8s.io',
    '/tasks/exit',
    'containerd.events.TaskExit',
    'x'.repeat(127),
    'x'.repeat(128),
    '/größe',
  ),
  fc.string({ unit: codePoint, maxLength: 40 }),
);

export const arbitraryEnvelope = fc.record(
  {
    timestamp: arbitraryTimestamp,
    namespace: arbitraryText,
    topic: arbitraryText,
    event: fc.record({ typeUrl: arbitraryText, value: arbitraryPayload }, options),
  },
  options,
);
