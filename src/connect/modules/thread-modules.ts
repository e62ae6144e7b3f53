/**
 * The modules that a connected thread has subscribed, on the thread that owns the bus: begun, changed and ended in the order of
 * the thread's own events. Their threads are those of any module.
 */
import type { ModuleWatch } from '../../subscribe/module-threads.js';
import type { Subscription } from '../../subscribe/subscription.js';
import type { Subscriptions } from '../../subscribe/subscriptions.js';
import type { ControlRequest } from '../control-request.js';
import { type Crossed, cross } from '../crossed-error.js';
import type { ModuleNews, ModuleOffer } from './module-messages.js';

/** The connection that they belong to. None may throw. */
export interface ModuleLessee {
  readonly name: string;
  tell(message: ModuleAnswer): void;
}

/** What the thread is told of its modules. */
type ModuleAnswer =
  | { readonly kind: 'module'; readonly key: number; readonly news: ModuleNews }
  | { readonly kind: 'denied'; readonly key: number; readonly error: Crossed };

export class ThreadModules {
  readonly #subscriptions: Subscriptions;
  readonly #lessee: ModuleLessee;
  /** What is to be begun with when the request comes. */
  readonly #offers = new Map<number, ModuleOffer>();
  readonly #all = new Map<number, Subscription>();
  /** Key of the last one that was asked for. */
  #last = 0;

  constructor(subscriptions: Subscriptions, lessee: ModuleLessee) {
    this.#subscriptions = subscriptions;
    this.#lessee = lessee;
  }

  /** How many have not ended, of a thread that is there. */
  get count(): number {
    return this.#all.size;
  }

  hasOffer(key: number): boolean {
    return this.#offers.has(key);
  }

  /** The thread has said what it will ask for. It may say so twice. */
  offer(offer: ModuleOffer): void {
    if (offer.key > this.#last) this.#offers.set(offer.key, offer);
  }

  begin(key: number): void {
    const { filter, moduleUrl, options } = this.#offers.get(key)!;
    this.#offers.delete(key);
    this.#last = key;
    const say = (news: ModuleNews): void => this.#lessee.tell({ kind: 'module', key, news });
    let subscription: Subscription;
    try {
      subscription = this.#subscriptions.module(filter, moduleUrl, options, this.#watch(say));
    } catch (error) {
      this.#lessee.tell({ kind: 'denied', key, error: cross(error) });
      return;
    }
    this.#all.set(key, subscription);
    // The thread that has asked for it is held open, or not.
    subscription.unref();
    subscription.on('error', (error) => say({ is: 'failed', error: cross(error) }));
    subscription.on('lagged', (range) => say({ is: 'lagged', range }));
    subscription.on('evicted', (error) => say({ is: 'evicted', error: cross(error) }));
    subscription.on('restart', (error, delayMs) => {
      const { restarts, deadLetters } = subscription.stats();
      const { isRestarting } = subscription.delivery;
      say({ is: 'restarting', error: cross(error), delayMs, restarts, deadLetters, isRestarting });
    });
    const { ready, ended, reader: slot, joinSequence } = subscription.delivery;
    ready.catch((error: unknown) => say({ is: 'never ready', error: cross(error) }));
    const printed = [this.#pass(subscription, 'stdout', say), this.#pass(subscription, 'stderr', say)];
    void Promise.all([ended, ...printed]).then(() => {
      this.#all.delete(key);
      say({ is: 'ended' });
    });
    say({ is: 'begun', slot, joinSequence });
  }

  /** Passes on what its threads print. Resolves when no more comes. */
  #pass(subscription: Subscription, output: 'stdout' | 'stderr', say: (news: ModuleNews) => void): Promise<void> {
    const stream = subscription[output];
    if (stream === undefined) return Promise.resolve();
    // A copy of its own: a view would cross with all of the buffer that it is a part of.
    stream.on('data', (chunk: Buffer) => say({ is: 'printed', output, chunk: new Uint8Array(chunk) }));
    return new Promise((resolve) => {
      stream.once('close', resolve);
    });
  }

  #watch(say: (news: ModuleNews) => void): ModuleWatch {
    return {
      connection: this.#lessee.name,
      onReading: () => say({ is: 'reading' }),
      onDeadLetter: ({ error, ...report }) => say({ is: 'dead letter', report, error: cross(error) }),
      onStopping: (endSequence) => say({ is: 'ends', endSequence }),
      onLetGo: () => say({ is: 'let go' }),
      onExit: (counts) => say({ is: 'exited', counts }),
    };
  }

  /** Ends one at once. */
  stop(key: number): void {
    void this.#all.get(key)?.stop();
  }

  /** Changes one, or ends it with what was accepted before. False where it is none of them. */
  change(request: Extract<ControlRequest, { kind: 'filter' | 'drain' }>): boolean {
    const { key } = request;
    const subscription = this.#all.get(key);
    if (subscription === undefined) return false;
    if (request.kind === 'drain') void subscription.stop({ drain: true });
    else if (subscription.active) {
      subscription.setFilter(request.filter);
      this.#lessee.tell({ kind: 'module', key, news: { is: 'filtered' } });
    }
    return true;
  }

  /** All of them end, with what was accepted by now. */
  endAll(): void {
    for (const subscription of [...this.#all.values()]) void subscription.stop({ drain: true });
  }

  /**
   * The thread is gone, or has nothing to do with the bus any more.
   *
   * @param isBusOver whether that is because the bus is: then the bus ends them, and counts what they were owed
   */
  abandon(isBusOver: boolean): void {
    this.#offers.clear();
    for (const subscription of this.#all.values()) {
      // From now on errors go to the bus.
      subscription.removeAllListeners();
      if (!isBusOver) void subscription.stop();
    }
    this.#all.clear();
  }
}
