/** What the envelopes of one reader share: the way from type URLs to codecs. */

import type { EventCodec } from './event-codec.js';
import { startsWith } from './wire/byte-match.js';
import { decodeUtf8 } from './wire/text-reader.js';

/** A type URL and the codec this thread has for it, if any. */
export interface ResolvedType {
  readonly typeUrl: string;
  readonly codec: EventCodec | undefined;
}

interface CachedType extends ResolvedType {
  readonly bytes: Buffer;
}

/** Slots, a power of two; types that share one replace each other. */
const SLOTS = 256;

/**
 * Resolves type URLs for one thread, and remembers them by their bytes: a lookup makes no string and costs one comparison.
 * Only what the registry knows is remembered, so a type may be registered at any time.
 */
export class EnvelopeContext {
  readonly #slots: (CachedType | undefined)[] = new Array(SLOTS).fill(undefined);

  constructor(readonly registry: { find(typeUrl: string): EventCodec | undefined }) {}

  resolve(typeUrl: string): ResolvedType {
    return { typeUrl, codec: this.registry.find(typeUrl) };
  }

  /** The type whose URL is `source[start, end)`, valid UTF-8. */
  resolveBytes(source: Buffer, start: number, end: number): ResolvedType {
    const slot = slotOf(source, start, end);
    const cached = this.#slots[slot];
    if (cached?.bytes.length === end - start && startsWith(source, start, end, cached.bytes)) return cached;
    const resolved = this.resolve(decodeUtf8(source, start, end));
    if (resolved.codec !== undefined) {
      this.#slots[slot] = { ...resolved, bytes: Buffer.from(source.subarray(start, end)) };
    }
    return resolved;
  }
}

/** Types differ at their ends: the packages they share come first. */
function slotOf(source: Buffer, start: number, end: number): number {
  let hash = end - start;
  for (let index = Math.max(start, end - 6); index < end; index++) hash = (hash * 31 + source[index]!) | 0;
  return (hash ^ (hash >>> 8)) & (SLOTS - 1);
}
