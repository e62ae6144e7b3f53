/**
 * Values without a declared type: MessagePack under the type URL `ringcast.MessagePack`. The only importer of msgpackr, from
 * the entry that never loads its native addon (which refuses shared memory on Node 20 and reads past what it is given).
 */

import { addExtension, Unpackr } from 'msgpackr/unpack';
import { MalformedPayloadError } from '../errors.js';
import type { EventCodec } from './event-codec.js';
import { MAP_EXTENSION, writeValue } from './messagepack-writer.js';

const MESSAGE_PACK_TYPE_URL = 'ringcast.MessagePack';

// msgpackr keeps one table of extensions for the process; users of it must leave this number free.
addExtension({ type: MAP_EXTENSION, read: (entries: [unknown, unknown][]) => new Map(entries) } as never);

// Without records every message says its own keys: a reader may join at any time and needs nothing from earlier ones.
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'bigint' });

/**
 * Plain values: what structured cloning takes, but for functions, symbols and cycles.
 *
 * bigint, Date, Map, Set, RegExp, Error, undefined and typed arrays come back as such; instances of other classes come back
 * as plain objects of their own enumerable properties, or as what their `toJSON` gave. A key `__proto__` comes back as
 * `__proto_`.
 */
export const messagePackCodec: EventCodec = {
  typeUrl: MESSAGE_PACK_TYPE_URL,
  fields: undefined,

  encode(event, target, position, limit) {
    return writeValue(target, position, limit, event);
  },

  // Uint8Arrays in the result are views of `source`.
  decode(source, start, end) {
    try {
      // Not a Buffer, so that bytes come back as Uint8Array.
      return unpackr.unpack(new Uint8Array(source.buffer, source.byteOffset + start, end - start));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new MalformedPayloadError(MESSAGE_PACK_TYPE_URL, reason, { cause: error });
    }
  },
};
