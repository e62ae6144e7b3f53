/** The bytes that envelopes are read from. */
import type { EnvelopeContext } from './envelope-context.js';

export const sendAnotherWay = (): string => 'an envelope: send envelope.toBinary(), or its event';

/** What the envelopes of one batch share: their bytes, which are private and never written again. */
export class EnvelopeSource {
  readonly context: EnvelopeContext;
  readonly bytes: Buffer;
  /** Asked for once per batch: it is a call into V8. */
  readonly buffer: ArrayBufferLike;
  readonly byteOffset: number;
  /** A function: posting an envelope fails with its text, where it would lose all but three fields. */
  readonly notCloneable = sendAnotherWay;

  constructor(context: EnvelopeContext, bytes: Buffer) {
    this.context = context;
    this.bytes = bytes;
    this.buffer = bytes.buffer;
    this.byteOffset = bytes.byteOffset;
  }
}
