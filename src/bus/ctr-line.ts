/** An event as containerd's command prints it. */

import { formatCtrLine as formatWith } from '../envelope/ctr-json.js';
import type { Envelope } from '../envelope/envelope.js';
import { builtInRegistry } from '../publish/built-in-types.js';

/**
 * The line that `ctr events` prints for an envelope, without the line end: time, namespace, topic, and the event as JSON.
 *
 * For the types of this package, users' own classes as the envelope decoded them, and MessagePack.
 *
 * @throws {UnknownTypeError} `BUS_UNKNOWN_TYPE` where ctr prints a warning and no line
 * @throws {MalformedPayloadError} `BUS_MALFORMED_PAYLOAD` likewise
 */
export function formatCtrLine(envelope: Envelope): string {
  const types = builtInRegistry();
  return formatWith(envelope, { find: (typeUrl) => types.find(typeUrl) ?? types.codecOf(envelope.event) });
}
