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
  const traced = (envelopes: readonly Envelope[], call: () => unknown): unknown =>
    traceHandler({ bus: undefined, subscription: context.name, envelopes }, call);
  if (module.handleBatch === undefined) {
    const handle = (envelope: Envelope): unknown => bus.call(module, module.handle!, envelope, context);
    return new SingleTarget(
      joinSequence,
      (envelope) => (handleTracing.hasSubscribers ? traced([envelope], () => handle(envelope)) : handle(envelope)),
      report,
    );
  }
  const handleBatch = (envelopes: readonly Envelope[] | EnvelopeViews): unknown =>
    bus.call(module, module.handleBatch!, envelopes, context);
  if (module.views === true) {
    const handleViews = (views: EnvelopeViews): unknown => {
      if (!handleTracing.hasSubscribers) return handleBatch(views);
      const envelopes = Array.from(views, (view) => view.detach());
      return traced(envelopes, () => handleBatch(views));
    };
    return new ViewTarget(joinSequence, handleViews, report, types, topics);
  }
  return new BatchTarget(
    joinSequence,
    (envelopes) =>
      handleTracing.hasSubscribers ? traced(envelopes, () => handleBatch(envelopes)) : handleBatch(envelopes),
    report,
  );
}
