/** The only importer of `@opentelemetry/api`, an optional peer of the package. */
export {
  type Attributes,
  type BatchObservableResult,
  type Context,
  context,
  type Link,
  type Meter,
  metrics,
  type Observable,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
