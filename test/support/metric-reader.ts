/** Collects the metrics of OpenTelemetry's SDK when it is asked to. */
import assert from 'node:assert/strict';
import { MetricReader as SdkReader } from '@opentelemetry/sdk-metrics';

export class MetricReader extends SdkReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}

  /** Values by name of the metric and its attributes. */
  async read(): Promise<Map<string, unknown>> {
    const { resourceMetrics, errors } = await this.collect();
    assert.deepEqual(errors, []);
    const metrics = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
    return new Map(
      metrics.flatMap(({ descriptor, dataPoints }) =>
        dataPoints.map(({ attributes, value }) => [`${descriptor.name} ${JSON.stringify(attributes)}`, value] as const),
      ),
    );
  }
}
