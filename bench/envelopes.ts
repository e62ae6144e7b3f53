/** Envelopes as they come from elsewhere. */
import { plainEvents } from './corpus.js';
import { encodeEnvelope, type StaticCodec } from './static-codec.js';

/** One of 128 bytes for each event of the corpus, in memory of its own. */
export function envelopesOf128Bytes(codec: StaticCodec): Uint8Array[] {
  return plainEvents.map((event) => {
    const timestamp = { seconds: 1_700_000_000, nanos: 123_456_789 };
    for (let idLength = 1; idLength <= 64; idLength++) {
      const shorter = { ...event, containerId: event.containerId.slice(0, idLength) };
      const bytes = new Uint8Array(encodeEnvelope(codec, shorter, timestamp));
      if (bytes.length === 128) return bytes;
    }
    throw new Error('no id makes an envelope of 128 bytes');
  });
}
