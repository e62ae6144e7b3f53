/** One attached bridge: what is known of its state, and what is published about it. */
import type { EventEmitter } from 'node:events';
import { bridgeConnected, bridgeDisconnected, bridgeGap } from '../channels/channels.js';
import { BusClosedError } from '../errors.js';
import { unwatched } from '../host/report.js';
import { monotonicMs } from '../host/timing.js';
import { attempted } from '../option-check.js';
import { show, showThrown } from '../shown.js';
import type { Bridge, BridgeAttachment, BridgeCounts, BridgeGap, BridgeReport, BridgeStats } from './bridge.js';

/** What an attached bridge needs of its bus. */
export interface BridgeHost {
  readonly bus: EventEmitter;
  /** Publishes on a reserved topic. Returns a sequence, or -1 when nobody wants it. */
  publishReserved(topic: string, event: unknown): number;
  /** Tells of an error that no caller is there to catch. */
  report(error: Error): void;
}

/** Topics of bridges lie below it. */
const BRIDGE_TOPICS = '/ringcast/bridge';

const NO_REASON = 'no reason was given';

/** What a bridge told of a gap, each part read once. Bridges of users say anything. */
function readGap(gap: BridgeGap | undefined): BridgeGap {
  const { count, reason } =
    attempted(() => ({ count: gap?.count as unknown, reason: gap?.reason as unknown })).value ?? {};
  return {
    count: typeof count === 'number' && count >= 0 && count <= Number.MAX_SAFE_INTEGER ? count : undefined,
    reason: typeof reason === 'string' ? reason : reason === undefined ? NO_REASON : show(reason),
  };
}

/** What a bridge counts. Whatever is neither number, text nor boolean is shown as text: nothing else crosses to who asks elsewhere. */
function countsOf(counts: BridgeCounts): BridgeCounts {
  const copy: Record<string, BridgeCounts[string]> = {};
  for (const [name, value] of Object.entries(counts) as [string, unknown][]) {
    const isPlain = typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean';
    copy[name] = isPlain || value === undefined ? value : show(value);
  }
  return copy;
}

export class AttachedBridge implements BridgeAttachment {
  readonly topic: string;
  readonly name: string;
  readonly #bridge: Bridge;
  readonly #host: BridgeHost;
  readonly #onDetached: () => void;
  #state: BridgeStats['state'] = 'connecting';
  #sinceMs = monotonicMs();
  #error: string | undefined;
  #gaps = 0;
  #lost = 0;
  #detached = false;
  readonly #onConnected = (): void => {
    this.#enter('connected', undefined);
    this.#tell({ kind: 'connected' });
    if (bridgeConnected.hasSubscribers) bridgeConnected.publish(this.#subject);
  };
  readonly #onDisconnected = (error?: Error): void => this.#away('disconnected', error);
  readonly #onGap = (gap?: BridgeGap): void => {
    const { count, reason } = readGap(gap);
    this.#gaps++;
    this.#lost += count ?? 0;
    this.#tell({ kind: 'gap', count, reason });
    if (bridgeGap.hasSubscribers) bridgeGap.publish({ ...this.#subject, count, reason });
  };

  constructor(bridge: Bridge, name: string, ready: Bridge['ready'], host: BridgeHost, onDetached: () => void) {
    this.#bridge = bridge;
    this.#host = host;
    this.#onDetached = onDetached;
    this.name = name;
    this.topic = `${BRIDGE_TOPICS}/${this.name}`;
    bridge.on('connected', this.#onConnected);
    bridge.on('disconnected', this.#onDisconnected);
    bridge.on('gap', this.#onGap);
    unwatched(Promise.resolve(ready)).then(
      () => this.#state === 'connecting' && this.#onConnected(),
      (error: unknown) => this.#away('failed', error),
    );
  }

  report(event: unknown): boolean {
    if (this.#detached || this.#state === 'closing') throw new BusClosedError(`reporting on ${this.topic}`);
    return this.#host.publishReserved(this.topic, event) >= 0;
  }

  detach(): void {
    if (this.#detached) return;
    this.#detached = true;
    // First: it is detached, whatever its own methods do.
    this.#onDetached();
    this.#bridge.off('connected', this.#onConnected);
    this.#bridge.off('disconnected', this.#onDisconnected);
    this.#bridge.off('gap', this.#onGap);
  }

  [Symbol.dispose](): void {
    this.detach();
  }

  /** Ends the bridge. Resolves when it has; never rejects. */
  async close(): Promise<void> {
    // Not in the call of `bus.close`: what it calls finds the bus closing.
    await undefined;
    this.#enter('closing', undefined);
    try {
      await this.#bridge.close();
    } catch (error) {
      this.#fail(error);
    }
    try {
      this.detach();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(thrown: unknown): void {
    const isError = attempted(() => thrown instanceof Error).value === true;
    this.#host.report(isError ? (thrown as Error) : new Error(`bridge ${this.name}: ${showThrown(thrown)}`));
  }

  stats(): BridgeStats {
    const { counts, fault } = this.#counts();
    return {
      name: this.name,
      state: this.#state,
      stateMs: monotonicMs() - this.#sinceMs,
      gaps: this.#gaps,
      lost: this.#lost,
      error: this.#error ?? fault,
      counts,
    };
  }

  get #subject(): { readonly bus: EventEmitter; readonly bridge: string } {
    return { bus: this.#host.bus, bridge: this.name };
  }

  #counts(): { readonly counts: BridgeStats['counts']; readonly fault: string | undefined } {
    try {
      return { counts: countsOf(this.#bridge.stats()), fault: undefined };
    } catch (error) {
      return { counts: {}, fault: `its stats() threw: ${showThrown(error)}` };
    }
  }

  #enter(state: BridgeStats['state'], error: string | undefined): void {
    this.#error = error;
    if (state === this.#state) return;
    this.#state = state;
    this.#sinceMs = monotonicMs();
  }

  #away(state: 'disconnected' | 'failed', error: unknown): void {
    // What ends because it is closed is not away.
    if (this.#detached || this.#state === 'closing') return;
    const reason = error === undefined ? NO_REASON : showThrown(error);
    this.#enter(state, reason);
    this.#tell({ kind: 'disconnected', reason });
    if (bridgeDisconnected.hasSubscribers) bridgeDisconnected.publish({ ...this.#subject, reason });
  }

  #tell(report: BridgeReport): void {
    if (this.#detached || this.#state === 'closing') return;
    try {
      this.#host.publishReserved(this.topic, report);
    } catch (error) {
      // Nowhere to put it, or a clock of the user's that throws: the counters are all there is.
      this.#host.report(error as Error);
    }
  }
}
