/**
 * How a subscriber thread hands its findings back: on a broadcast channel, in its teardown.
 *
 * A teardown that succeeded has sent its report, so after a close without errors all of them arrive.
 */
import { BroadcastChannel } from 'node:worker_threads';

/** What the subscribers of a replay are given as `context.data`. */
export interface ReplaySubscriberData {
  /** Where the report goes. */
  readonly channelName: string;
  readonly auditFile: string;
}

/** Sends a thread's report. */
export function sendReport(channelName: string, subscriber: string, report: unknown): void {
  const channel = new BroadcastChannel(channelName);
  channel.postMessage({ subscriber, report });
  channel.close();
}

/** The receiving end; to be opened before the threads start. */
export class ReportCollector {
  static #made = 0;
  readonly channelName = `ringcast-reports-${process.pid}-${ReportCollector.#made++}`;
  readonly #channel = new BroadcastChannel(this.channelName);
  readonly #reports = new Map<string, unknown>();
  #onReport = (): void => {};

  constructor() {
    this.#channel.onmessage = (event) => {
      const { subscriber, report } = (event as { data: { subscriber: string; report: unknown } }).data;
      this.#reports.set(subscriber, report);
      this.#onReport();
    };
  }

  /** Resolves when `count` subscribers have reported, to their reports by subscriber. */
  collect(count: number): Promise<ReadonlyMap<string, unknown>> {
    return new Promise((resolve) => {
      this.#onReport = () => {
        if (this.#reports.size === count) resolve(this.#reports);
      };
      this.#onReport();
    });
  }

  close(): void {
    this.#channel.close();
  }
}
