/** What hands events to a subscriber module, by which of its functions takes them. */
import { handleTracing } from '../channels/channels.js';
import type { Envelope } from '../envelope/envelope.js';
import type { NameDirectory } from '../ring/name-registry.js';
import { BatchTarget } from './dispatch/batch-target.js';
import type { EnvelopeViews } from './dispatch/envelope-views.js';
import { SingleTarget } from './dispatch/single-target.js';
import type { ReportFailure, Target } from './dispatch/target.js';
import { traceHandler } from './dispatch/traced-handler.js';
import { ViewTarget } from './dispatch/view-target.js';
import type { ModuleBus } from './module-bus.js';
import type { ModuleContext, Subscriber } from './subscriber-module.js';
import type { TypeDirectory } from './type-directory.js';

export function targetOf(
  module: Subscriber,
  context: ModuleContext,
  bus: ModuleBus,
  joinSequence: number,
  report: ReportFailure,
  types: TypeDirectory,
  topics: NameDirectory,
): Target {
  // Told of within the call of the bus: what a listener makes active has to reach the handler.
  const told = { bus: undefined, subscription: context.name };
  if (module.handleBatch === undefined) {
    const handle = (envelope: Envelope): unknown =>
      handleTracing.hasSubscribers
        ? traceHandler({ ...told, envelopes: [envelope] }, () => module.handle!(envelope, context))
        : module.handle!(envelope, context);
    return new SingleTarget(joinSequence, (envelope) => bus.call(handle, envelope), report);
  }
  if (module.views === true) {
    const handleViews = (views: EnvelopeViews): unknown => {
      if (!handleTracing.hasSubscribers) return module.handleBatch!(views, context);
      const envelopes = Array.from(views, (view) => view.detach());
      return traceHandler({ ...told, envelopes }, () => module.handleBatch!(views, context));
    };
    return new ViewTarget(joinSequence, (views) => bus.call(handleViews, views), report, types, topics);
  }
  const handleBatch = (envelopes: readonly Envelope[]): unknown =>
    handleTracing.hasSubscribers
      ? traceHandler({ ...told, envelopes }, () => module.handleBatch!(envelopes, context))
      : module.handleBatch!(envelopes, context);
  return new BatchTarget(joinSequence, (envelopes) => bus.call(handleBatch, envelopes), report);
}
