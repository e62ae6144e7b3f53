/**
 * Spans of what is published and handled, where the active context is sampled. They are made of what the TracingChannels tell,
 * and cross the ring as the event's `traceparent`.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { HandleTrace, PublishTrace } from '../index.js';
import {
  type Attributes,
  context,
  type Link,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from './api.js';
import * as names from './semantic-conventions.js';

interface OfBus {
  readonly tracer: Tracer;
  readonly attributes: Attributes;
}

type Listener = (message: unknown, name: string | symbol) => void;

/**
 * A PRODUCER span for each publish under a sampled parent.
 *
 * @param bus whose publishes; others of the thread are left alone
 */
export function spanPublishes(bus: object, { tracer, attributes }: OfBus): () => void {
  const spans = new WeakMap<object, Span>();
  return listen('ringcast.publish', {
    start(message) {
      const publish = message as PublishTrace;
      const parent = trace.getSpanContext(context.active());
      if (publish.bus !== bus || parent === undefined || !isSampled(parent)) return;
      const span = tracer.startSpan(`publish ${publish.topic}`, {
        kind: SpanKind.PRODUCER,
        attributes: {
          ...attributes,
          [names.SYSTEM]: names.SYSTEM_NAME,
          [names.OPERATION_NAME]: 'publish',
          [names.OPERATION_TYPE]: 'send',
          [names.DESTINATION]: publish.topic,
        },
      });
      // One that the caller gave stays.
      publish.traceparent ??= traceparentOf(span.spanContext());
      spans.set(publish, span);
    },
    end(message) {
      const publish = message as PublishTrace;
      end(spans.get(publish), publish);
    },
  });
}

/**
 * A CONSUMER span around each handler of a sampled event, linked to the spans of the events, and active in the handler.
 *
 * @param bus whose handlers, on its own thread; undefined: those of a subscriber thread
 */
export function spanHandlers(bus: object | undefined, { tracer, attributes }: OfBus): () => void {
  const spans = new WeakMap<object, Span>();
  return listen('ringcast.handle', {
    start(message) {
      const handle = message as HandleTrace;
      if (handle.bus !== bus) return;
      const links = handle.envelopes.flatMap(({ traceparent }) => linkOf(traceparent));
      if (links.length === 0) return;
      const { length } = handle.envelopes;
      const [first] = handle.envelopes;
      // Events of several traces have no parent in common.
      const parent = length === 1 ? trace.setSpanContext(context.active(), links[0]!.context) : context.active();
      const span = tracer.startSpan(
        `process ${handle.subscription}`,
        {
          kind: SpanKind.CONSUMER,
          root: length > 1,
          links,
          attributes: {
            ...attributes,
            [names.SYSTEM]: names.SYSTEM_NAME,
            [names.OPERATION_NAME]: 'process',
            [names.OPERATION_TYPE]: 'process',
            [names.SUBSCRIPTION]: handle.subscription,
            ...(length === 1 ? { [names.DESTINATION]: first!.topic } : { [names.BATCH_COUNT]: length }),
          },
        },
        parent,
      );
      spans.set(handle, span);
      handle.around = (call) => context.with(trace.setSpan(context.active(), span), call);
    },
    end(message) {
      const handle = message as HandleTrace;
      if (!handle.isPending) end(spans.get(handle), handle);
    },
    asyncEnd(message) {
      const handle = message as HandleTrace;
      end(spans.get(handle), handle);
    },
  });
}

function listen(name: string, listeners: Readonly<Record<string, Listener>>): () => void {
  const entries = Object.entries(listeners).map(([event, listener]) => [`tracing:${name}:${event}`, listener] as const);
  for (const [channel, listener] of entries) subscribe(channel, listener);
  return () => {
    for (const [channel, listener] of entries) unsubscribe(channel, listener);
  };
}

function end(span: Span | undefined, { error }: { readonly error?: unknown }): void {
  if (span === undefined) return;
  if (error !== undefined) {
    const { name, code, message } =
      error instanceof Error ? (error as Error & { code?: string }) : { name: typeof error };
    span.setAttribute(names.ERROR_TYPE, code ?? name);
    span.setStatus({ code: SpanStatusCode.ERROR, message: message ?? `${error}` });
  }
  span.end();
}

function isSampled({ traceFlags }: SpanContext): boolean {
  return (traceFlags & TraceFlags.SAMPLED) !== 0;
}

function traceparentOf({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

/** Links to the context of a sampled event; none where it has none, or is not sampled. */
function linkOf(traceparent: string | undefined): Link[] {
  const [, traceId, spanId, flags] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(traceparent ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return [];
  const linked = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return isSampled(linked) ? [{ context: linked }] : [];
}
