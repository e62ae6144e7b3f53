/** What events are published and forwarded with. */
import { readOptions } from '../option-check.js';

/** What an event has that is no part of its envelope. */
export interface ForwardOptions {
  /**
   * The trace context of the event, for `envelope.traceparent`: a `traceparent` of W3C Trace Context, version 00, such as
   * `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`. Default: none.
   */
  readonly traceparent?: string | undefined;
  /**
   * Where the event came into this process, for `envelope.origin`, so that it does not leave the same way (`exceptOrigins`):
   * 1 to 256 bytes that name a bridge or a peer. A bus keeps 1,024 origins, for as long as it lives. Default: none.
   */
  readonly origin?: string | undefined;
}

export interface PublishOptions extends ForwardOptions {
  /** Default: the bus's. */
  readonly namespace?: string;
}

/** Of an event that is waited with. */
export type SyncOptions = PublishOptions & { readonly timeoutMs?: number };

export const PUBLISH_KEYS = ['namespace', 'traceparent', 'origin'] as const;
export const SYNC_KEYS = [...PUBLISH_KEYS, 'timeoutMs'] as const;
const FORWARD_KEYS = ['traceparent', 'origin'] as const;
/** Of a call that gives none. */
export const NO_OPTIONS = {};

/** Written out for speed: it is on the way of every publish. */
export function namespaceOf(options: PublishOptions): string | undefined {
  if (options === NO_OPTIONS) return undefined;
  if (options === null || typeof options !== 'object') {
    return readOptions<PublishOptions>('options', options, PUBLISH_KEYS).namespace;
  }
  let isKnown = false;
  for (const key in options) {
    isKnown = key === 'namespace' || key === 'traceparent' || key === 'origin';
    if (!isKnown) break;
  }
  // Also of what has no key: an array, a Map, or an object that has getters in its class.
  return isKnown ? options.namespace : readOptions('options', options, PUBLISH_KEYS).namespace;
}

export function forwardOptionsOf(options: ForwardOptions): ForwardOptions {
  return options === NO_OPTIONS ? options : readOptions('options', options, FORWARD_KEYS);
}
