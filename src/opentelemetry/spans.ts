/**
 * Spans of what is published and handled, where the active context is sampled. They are made of what the TracingChannels tell,
 * and cross the ring as the event's `traceparent`.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { reportError } from '../host/report.js';
import type { HandleTrace, PublishTrace } from '../index.js';
import { errorOf, showThrown } from '../shown.js';
import {
  type Attributes,
  type Context,
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

interface SpanOptions {
  readonly tracer: Tracer;
  readonly attributes: Attributes;
}

type Listener = (message: unknown, name: string | symbol) => void;

/** The spans under way, by message. Where two would make a span of the same call, the first one does. */
const spans = new WeakMap<object, Span>();
/** The trace of the event in hand, on threads without an SDK: nothing else keeps what is active there. */
const inHand = new AsyncLocalStorage<SpanContext>();

/**
 * A PRODUCER span for each publish under a sampled parent.
 *
 * @param bus whose publishes; undefined: those of the thread
 */
export function spanPublishes(bus: object | undefined, { tracer, attributes }: SpanOptions): () => void {
  return listen('ringcast.publish', {
    start(message) {
      const publish = message as PublishTrace;
      if ((bus !== undefined && publish.bus !== bus) || spans.has(publish)) return;
      const active = activeContext();
      const parent = trace.getSpanContext(active);
      if (parent === undefined || !isSampled(parent)) return;
      const span = tracer.startSpan(
        `publish ${publish.topic}`,
        {
          kind: SpanKind.PRODUCER,
          attributes: {
            ...attributes,
            [names.SYSTEM]: names.SYSTEM_NAME,
            [names.OPERATION_NAME]: 'publish',
            [names.OPERATION_TYPE]: 'send',
            [names.DESTINATION]: publish.topic,
          },
        },
        active,
      );
      // One that the caller gave stays.
      spans.set(publish, span);
      const own = span.spanContext();
      // One that does not name its trace would have the publish refused.
      if (trace.isSpanContextValid(own)) publish.traceparent ??= traceparentOf(own);
    },
    end(message) {
      end(message as PublishTrace);
    },
  });
}

/**
 * A CONSUMER span around each handler of a sampled event, linked to the spans of the events, and active in the handler.
 *
 * @param bus whose handlers, on this thread; undefined: those of the thread
 */
export function spanHandlers(bus: object | undefined, { tracer, attributes }: SpanOptions): () => void {
  return listen('ringcast.handle', {
    start(message) {
      const handle = message as HandleTrace;
      if ((bus !== undefined && handle.bus !== bus) || spans.has(handle)) return;
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
      handle.around = (call) => {
        const active = trace.setSpan(context.active(), span);
        return context.with(active, () =>
          context.active() === active ? call() : inHand.run(span.spanContext(), call),
        );
      };
    },
    end(message) {
      const handle = message as HandleTrace;
      if (!handle.isPending) end(handle);
    },
    asyncEnd(message) {
      end(message as HandleTrace);
    },
  });
}

function listen(name: string, listeners: Readonly<Record<string, Listener>>): () => void {
  const entries = Object.entries(listeners).map(([event, listener]) => {
    // What a listener throws, Node makes an uncaught exception of: a tracer that fails would end the process.
    const guarded: Listener = (message, channel) => {
      try {
        listener(message, channel);
      } catch (error) {
        reportError(errorOf(error));
      }
    };
    return [`tracing:${name}:${event}`, guarded] as const;
  });
  for (const [channel, listener] of entries) subscribe(channel, listener);
  return () => {
    for (const [channel, listener] of entries) unsubscribe(channel, listener);
  };
}

/** What is published now belongs to its span. */
function activeContext(): Context {
  const active = context.active();
  const handled = inHand.getStore();
  return handled === undefined ? active : trace.setSpanContext(active, handled);
}

/** Ends the span of a call, if it has one. */
function end(call: PublishTrace | HandleTrace): void {
  const span = spans.get(call);
  if (span === undefined) return;
  spans.delete(call);
  const { error } = call;
  if (error !== undefined) {
    span.setAttribute(names.ERROR_TYPE, typeOf(error));
    span.setStatus({ code: SpanStatusCode.ERROR, message: showThrown(error) });
  }
  span.end();
}

/** The code of an error, or its name; of anything else that was thrown what it is. */
function typeOf(error: unknown): string {
  try {
    if (error instanceof Error) {
      const { code = error.name } = error as Error & { readonly code?: unknown };
      if (typeof code === 'string' || typeof code === 'number') return `${code}`;
      return `${error.name}`;
    }
  } catch {
    // A proxy, or a getter that throws.
  }
  return typeof error;
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
