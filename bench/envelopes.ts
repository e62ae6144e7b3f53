/** Envelopes as they come from elsewhere. */
import { EVENT_MASK, plainEvents } from './corpus.js';
import { encodeEnvelope, type StaticCodec } from './static-codec.js';

export const ENVELOPE_BYTES = 128;
/** With its length before it. */
export const DELIMITED_BYTES = 2 + ENVELOPE_BYTES;

/** One of 128 bytes for each event of the corpus, in memory of its own. */
export function envelopesOf128Bytes(codec: StaticCodec): Uint8Array[] {
  return plainEvents.map((event) => {
    const timestamp = { seconds: 1_700_000_000, nanos: 123_456_789 };
    for (let idLength = 1; idLength <= 64; idLength++) {
      const shorter = { ...event, containerId: event.containerId.slice(0, idLength) };
      const bytes = new Uint8Array(encodeEnvelope(codec, shorter, timestamp));
      if (bytes.length === ENVELOPE_BYTES) return bytes;
    }
    throw new Error('no id makes an envelope of 128 bytes');
  });
}

/** The envelopes of the corpus, one after another, as a stream carries them. */
export function runOf(envelopes: readonly Uint8Array[], count: number): Uint8Array {
  const run = new Uint8Array(count * DELIMITED_BYTES);
  for (let i = 0; i < count; i++) {
    run.set([(ENVELOPE_BYTES & 127) | 128, ENVELOPE_BYTES >> 7], i * DELIMITED_BYTES);
    run.set(envelopes[i & EVENT_MASK]!, i * DELIMITED_BYTES + 2);
  }
  return run;
}
