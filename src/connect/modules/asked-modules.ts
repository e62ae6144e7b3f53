/** The modules that a connected thread has subscribed, on that thread: asked of the owner, who starts and supervises them. */
import type { EventEmitter } from 'node:events';
import type { KeepAlive } from '../../host/keep-alive.js';
import { queueMicrotask } from '../../host/timing.js';
import { outsideHandlers } from '../../publish/handling.js';
import type { Want } from '../../publish/topic-entry.js';
import type { TopicTable } from '../../publish/topic-table.js';
import type { ModuleOptions } from '../../subscribe/subscribe-options.js';
import { Subscription, type SubscriptionSource } from '../../subscribe/subscription.js';
import {
  channelDeadLetter,
  tellEnded,
  tellError,
  tellEvicted,
  tellLagged,
  tellRestart,
  tellStarted,
} from '../../subscribe/tell.js';
import type { CompiledFilter } from '../../topic/filter.js';
import { warnOfSlip } from '../../topic/filter-slip.js';
import type { ControlRequest } from '../control-request.js';
import { type Crossed, revive } from '../crossed-error.js';
import type { OwnerLink } from '../owner-link.js';
import { AskedModuleDelivery } from './asked-module-delivery.js';
import type { ModuleNews, TellOwn } from './module-messages.js';

/** What modules of a connection work with. */
export interface AskingParts {
  /** Where what happens is told: the connection that users hold. */
  readonly client: EventEmitter;
  readonly keepAlive: KeepAlive;
  readonly link: OwnerLink;
  readonly topics: TopicTable;
  /** Whoever it is that wants a topic, the owner does. */
  readonly theOwner: Want;
  /** Tells of it on the connection. */
  readonly onOwn: TellOwn;
  /** @throws {ReentrantPublishError} `BUS_REENTRANT_PUBLISH` while an event is being encoded */
  checkNotEncoding(operation: string): void;
  /**
   * @param onAccepted called before the request is written, once it is certain that it is
   * @throws {QueueFullError} `BUS_QUEUE_FULL`, unless what is asked for is owed
   */
  send(request: ControlRequest, isOwed: boolean, onAccepted?: () => void): void;
}

interface AskedModule {
  readonly subscription: Subscription;
  readonly delivery: AskedModuleDelivery;
  /** What it wants that the owner has not confirmed: of the subscription, then of each change of its filter. */
  readonly unconfirmed: object[];
  /** Holds the thread open until the owner has begun with it. */
  isAwaited: boolean;
}

export class AskedModules {
  readonly #parts: AskingParts;
  readonly #all = new Map<number, AskedModule>();

  constructor(parts: AskingParts) {
    this.#parts = parts;
  }

  /** Those that have not ended. */
  get all(): readonly Subscription[] {
    return [...this.#all.values()].map(({ subscription }) => subscription);
  }

  /** Asks the owner for a module. Until it has begun with that, the thread sends what the module wants. */
  ask(key: number, name: string, filter: CompiledFilter, moduleUrl: string, options: ModuleOptions): Subscription {
    const { client, keepAlive, link } = this.#parts;
    this.#parts.send({ kind: 'module', key }, false, () => {
      // Before the request: whoever reads that looks for this. Of a request that is refused, nothing is said.
      link.offer({ kind: 'module', key, moduleUrl, filter: filter.source, options: { ...options, name } });
    });
    const subscription = new Subscription(name, filter.source, keepAlive, this.#sourceOf(key));
    const delivery = new AskedModuleDelivery(name, filter, options, {
      connection: link.hello.name,
      memory: link.busMemory,
      hear: () => {
        if (link.hasNews) link.hear();
      },
      stop: () => link.say({ kind: 'stop', key }),
    });
    const asked: AskedModule = { subscription, delivery, unconfirmed: [], isAwaited: true };
    this.#all.set(key, asked);
    keepAlive.hold();
    this.#want(asked, filter);
    void delivery.ended.then(() => this.#ended(key, asked));
    subscription.attach(delivery);
    tellStarted(client, subscription);
    return subscription;
  }

  hear(key: number, news: ModuleNews): void {
    const asked = this.#all.get(key);
    if (asked === undefined) return;
    const { subscription, delivery } = asked;
    const { client } = this.#parts;
    delivery.hear(news);
    switch (news.is) {
      case 'begun':
        this.#answered(asked);
        break;
      case 'filtered':
        this.#confirm(asked);
        break;
      case 'ends':
        void subscription.stopAt(news.endSequence);
        break;
      case 'never ready':
        delivery.neverReady(revive(news.error));
        break;
      case 'failed':
        this.#tell(() => tellError(client, subscription, revive(news.error)));
        break;
      case 'lagged':
        this.#tell(() => tellLagged(client, subscription, news.range));
        break;
      case 'restarting':
        this.#tell(() => tellRestart(client, subscription, revive(news.error), news.delayMs));
        break;
      case 'evicted':
        this.#tell(() => {
          const error = revive(news.error);
          tellEvicted(client, subscription, error);
          this.#parts.onOwn('evicted', error);
        });
        break;
      case 'dead letter':
        this.#tell(() => {
          const report = { ...news.report, error: revive(news.error) };
          channelDeadLetter(client, report);
          this.#parts.onOwn('deadLetter', report);
        });
        break;
      default:
    }
  }

  /** The owner cannot begin with it. */
  deny(key: number, crossed: Crossed): void {
    const asked = this.#all.get(key);
    if (asked === undefined) return;
    const error = revive(crossed);
    this.#answered(asked);
    asked.delivery.neverReady(error);
    asked.delivery.destroy();
    this.#tell(() => tellError(this.#parts.client, asked.subscription, error));
  }

  /** Lets all deliver what was accepted. Resolves when they have ended. */
  async drain(): Promise<void> {
    const open = [...this.#all];
    for (const [key] of open) this.#askEnd(key);
    await Promise.all(open.map(([, { delivery }]) => delivery.ended));
  }

  /** The connection is over: the owner stops them. */
  abandon(): void {
    for (const { delivery } of [...this.#all.values()]) delivery.destroy();
  }

  #sourceOf(key: number): SubscriptionSource {
    return {
      // The owner says where that is.
      whenEndSettled: () => this.#askEnd(key),
      wakeWhenWritten: () => {},
      setFilter: (_subscription, filter) => {
        this.#parts.checkNotEncoding('setFilter');
        this.#parts.send({ kind: 'filter', key, filter: filter.source }, false);
        const asked = this.#all.get(key)!;
        this.#want(asked, filter);
        asked.delivery.setFilter(filter);
        warnOfSlip(filter.source);
      },
    };
  }

  #askEnd(key: number): void {
    if (this.#all.get(key)?.delivery.isOver === false) this.#parts.send({ kind: 'drain', key }, true);
  }

  #want({ unconfirmed }: AskedModule, filter: CompiledFilter): void {
    const want = {};
    unconfirmed.push(want);
    this.#parts.topics.want(want, filter, this.#parts.theOwner);
  }

  /** What the owner has heeded, it has told all threads that somebody wants. */
  #confirm({ unconfirmed }: AskedModule): void {
    const want = unconfirmed.shift();
    if (want !== undefined) this.#parts.topics.unwant(want);
  }

  #answered(asked: AskedModule): void {
    this.#confirm(asked);
    this.#stopAwaiting(asked);
  }

  #stopAwaiting(asked: AskedModule): void {
    if (!asked.isAwaited) return;
    asked.isAwaited = false;
    this.#parts.keepAlive.release();
  }

  /** No listener is called inside a publish, which may be what hears of it. */
  #tell(tell: () => void): void {
    outsideHandlers(() => queueMicrotask(tell));
  }

  #ended(key: number, asked: AskedModule): void {
    this.#all.delete(key);
    this.#stopAwaiting(asked);
    for (const want of asked.unconfirmed.splice(0)) this.#parts.topics.unwant(want);
    tellEnded(this.#parts.client, asked.subscription);
  }
}
