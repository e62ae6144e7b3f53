/** The service that shims publish their events to: `containerd.services.events.ttrpc.v1.Events`, with its method Forward. */
import { messageField } from '../wire-fields.js';
import { decodeOnlyField } from './message.js';

export const EVENTS_SERVICE = 'containerd.services.events.ttrpc.v1.Events';
export const FORWARD = 'Forward';
/** The metadata in which a shim says its namespace. */
export const NAMESPACE_KEY = 'containerd-namespace-ttrpc';

/** The metadata in which a caller says the trace that its event belongs to, as W3C Trace Context has it. */
export const TRACEPARENT_KEY = 'traceparent';

/** ForwardRequest { envelope = 1 }. */
export function encodeForward(envelope: Uint8Array): Buffer {
  return messageField(10, envelope);
}

/** The envelope in a ForwardRequest; undefined where there is none. */
export const decodeForward: (request: Buffer) => Buffer | undefined = decodeOnlyField;
