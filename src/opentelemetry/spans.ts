/**
 * Spans of what is published and handled, where the active context is sampled. They are made of what the TracingChannels tell,
 * and cross the ring as the event's `traceparent`.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { reportError } from '../host/report.js';
import { queueMicrotask } from '../host/timing.js';
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

/** The calls that have a span. Where two would make one of the same call, the first one does. */
const traced = new WeakSet<object>();
/** The trace of the event in hand, on threads without an SDK: nothing else keeps what is active there. */
const inHand = new AsyncLocalStorage<SpanContext>();

/**
 * A PRODUCER span for each publish under a sampled parent.
 *
 * @param bus whose publishes; undefined: those of the thread
 */
export function spanPublishes(bus: object | undefined, { tracer, attributes }: SpanOptions): () => void {
  return spanCalls<PublishTrace>('ringcast.publish', bus, {
    begin(publish) {
      const active = activeContext();
      const parent = trace.getSpanContext(active);
      if (parent === undefined || !isSampled(parent)) return undefined;
      return tracer.startSpan(
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
    },
    within(span, publish) {
      const own = span.spanContext();
      // One that does not name its trace would have the publish refused. One that the caller gave stays.
      if (trace.isSpanContextValid(own)) publish.traceparent ??= traceparentOf(own);
    },
  });
}

/**
 * A CONSUMER span around each handler of a sampled event, linked to the spans of the events, and active in the handler.
 *
 * @param bus whose handlers, on this thread; undefined: those of the thread
 */
export function spanHandlers(bus: object | undefined, { tracer, attributes }: SpanOptions): () => void {
  return spanCalls<HandleTrace>('ringcast.handle', bus, {
    begin(handle) {
      const links = handle.envelopes.flatMap(({ traceparent }) => linkOf(traceparent));
      if (links.length === 0) return undefined;
      const { length } = handle.envelopes;
      const [first] = handle.envelopes;
      // Events of several traces have no parent in common.
      const parent = length === 1 ? trace.setSpanContext(context.active(), links[0]!.context) : context.active();
      return tracer.startSpan(
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
    },
    within(span, handle) {
      handle.around = (call) => {
        const active = trace.setSpan(context.active(), span);
        return context.with(active, () =>
          context.active() === active ? call() : inHand.run(span.spanContext(), call),
        );
      };
    },
  });
}

interface Spanned<Call> {
  /** Begins the span of a call; undefined where it gets none. */
  begin(call: Call): Span | undefined;
  /** What the call gets of its span. */
  within(span: Span, call: Call): void;
}

/** @returns ends it: no span is begun any more. Those that were begun end with their calls. */
function spanCalls<Call extends PublishTrace | HandleTrace>(
  name: string,
  bus: object | undefined,
  { begin, within }: Spanned<Call>,
): () => void {
  const open = new Map<object, Span>();
  let isStopped = false;
  const stopStarts = listen(name, {
    start(message) {
      const call = message as Call;
      if (isStopped || (bus !== undefined && call.bus !== bus) || traced.has(call)) return;
      const span = begin(call);
      if (span === undefined) return;
      traced.add(call);
      open.set(call, span);
      within(span, call);
    },
  });
  const end = (call: object): void => {
    const span = open.get(call);
    if (span === undefined) return;
    open.delete(call);
    // Later: whoever else listens to this message would miss it.
    if (isStopped && open.size === 0) queueMicrotask(stopEnds);
    span.end();
  };
  const stopEnds = listen(name, {
    error(message) {
      const span = open.get(message as Call);
      if (span !== undefined) fail(span, (message as Call).error);
    },
    end(message) {
      if (!('isPending' in (message as Call)) || !(message as HandleTrace).isPending) end(message as Call);
    },
    asyncEnd(message) {
      end(message as Call);
    },
  });
  return () => {
    isStopped = true;
    stopStarts();
    if (open.size === 0) stopEnds();
  };
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

/** Whatever was thrown: `undefined`, too. */
function fail(span: Span, error: unknown): void {
  span.setAttribute(names.ERROR_TYPE, typeOf(error));
  span.setStatus({ code: SpanStatusCode.ERROR, message: showThrown(error) });
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
