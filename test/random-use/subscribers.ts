/** Makes subscriptions of every form, consumes them, and keeps the account of each. */
import { getEventListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bus, Envelope, EventStream, From, Handler, Subscription } from '../../src/index.js';
import { workerModule } from '../support/bus-scene.js';
import { Account, type Terms } from './account.js';
import { Consumer, type ConsumerEvents } from './consumer.js';
import { ORIGINS } from './events.js';
import type { Reference } from './reference.js';
import { joinReplay } from './replay-begin.js';
import type { Action, Subscribing } from './script.js';
import { FILTERS } from './topics.js';

const DEATH_CELLS = 64;
const RESTART = { maxRestarts: 1_000, backoffMs: 2, maxBackoffMs: 20 };

/** What a handler does besides writing down. */
export type Behaviour = (account: Account, envelope: Envelope) => Promise<void> | undefined;

export interface SubscriberEvents extends ConsumerEvents {
  /** The promise must settle in the end. */
  track<T>(name: string, promise: Promise<T>): Promise<T>;
}

export class Subscribers {
  readonly #bus: Bus;
  readonly #reference: Reference;
  readonly #events: SubscriberEvents;
  readonly #capacityBytes: number;
  readonly #consumer: Consumer;
  readonly #aborts = new Map<Account, AbortController>();
  readonly #pulled = new Map<Account, EventStream>();

  constructor(bus: Bus, reference: Reference, capacityBytes: number, events: SubscriberEvents) {
    this.#bus = bus;
    this.#reference = reference;
    this.#capacityBytes = capacityBytes;
    this.#events = events;
    this.#consumer = new Consumer(reference, events);
  }

  get accounts(): readonly Account[] {
    return this.#reference.accounts;
  }

  /** @param handler takes the place of the one that the plan asks for */
  subscribe(plan: Subscribing, handler?: Behaviour): Account {
    const { form, lossy, filter, limit, diesOnce, temper } = plan;
    const except = (plan.except ?? []).map((index) => ORIGINS[index]!);
    const terms: Terms = { form, lossy, filter, except, limit, diesOnce, temper };
    const account = new Account(`${form}-${this.accounts.length}`, terms);
    const abort = new AbortController();
    const { log, encoding } = this.#reference;
    const from: From =
      plan.from === 'now' || encoding
        ? 'now'
        : typeof plan.from === 'object' && 'back' in plan.from
          ? { sequence: Math.max(0, log.length - plan.from.back) }
          : plan.from;
    const delivery = lossy ? ('lossy' as const) : ('lossless' as const);
    const common = { name: account.name, signal: abort.signal, delivery, from, exceptOrigins: except };
    const { input } = FILTERS[filter]!;
    const { written } = this.#bus.stats();
    let subscription: Subscription;
    if (account.shared !== undefined) {
      const { dedicated, hangTimeoutMs } = plan;
      const data = {
        receipts: account.shared.buffer,
        temper,
        deaths: new Int32Array(new SharedArrayBuffer(4 * DEATH_CELLS)),
        dedicated,
      };
      const module = workerModule(form === 'batches' ? 'tempered-batches' : 'tempered');
      const restart = diesOnce ? ('never' as const) : RESTART;
      const loop = dedicated ? ('dedicated' as const) : ('cooperative' as const);
      subscription = this.#bus.subscribe(input as string, module, {
        ...common,
        data,
        restart,
        loop,
        ...(hangTimeoutMs === undefined ? {} : { hangTimeoutMs }),
      });
    } else if (form === 'stream' || form === 'pulled') {
      const stream = this.#bus.subscribe(input as string, common);
      if (form === 'pulled') this.#pulled.set(account, stream);
      else void this.#events.track(`${account.name}: for await`, this.#consume(account, stream, handler));
      subscription = stream;
    } else {
      const many = limit === undefined ? {} : limit === 1 ? { once: true } : { many: limit };
      const handle: Handler = (envelope) => {
        this.#consumer.take(account, envelope);
        return handler === undefined ? this.#consumer.behave(account, envelope) : handler(account, envelope);
      };
      subscription = this.#bus.subscribe(input as string, handle, { ...common, ...many, isolate: form === 'isolated' });
    }
    this.#open(account, subscription);
    this.#aborts.set(account, abort);
    if (from === 'now') this.#reference.mark(account.joined);
    else joinReplay(account, this.#reference, from, written, this.#capacityBytes, (text) => this.#events.fault(text));
    return account;
  }

  next(plan: Extract<Action, { do: 'next' }>): Promise<void> {
    const except = (plan.except ?? []).map((index) => ORIGINS[index]!);
    const account = new Account(`next-${this.accounts.length}`, {
      form: 'next',
      lossy: false,
      filter: plan.filter,
      except,
      limit: 1,
    });
    const abort = new AbortController();
    const { timeoutMs } = plan;
    const common = { signal: abort.signal, exceptOrigins: except };
    const options = timeoutMs === undefined ? common : { ...common, timeoutMs };
    const subscriptions = this.#bus.stats().subscriptions.length;
    const next = this.#bus.next(FILTERS[plan.filter]!.input as string, options);
    if (this.#bus.stats().subscriptions.length !== subscriptions + 1) this.#events.fault('next() made no subscription');
    this.#reference.accounts.push(account);
    this.#reference.mark(account.joined);
    if (plan.aborts) void sleep(5).then(() => abort.abort(new Error('aborted as planned')));
    const settled = next.then(
      (envelope) => this.#consumer.take(account, envelope),
      (error: unknown) => {
        account.cut();
        const { code, message } = error as { code?: string; message: string };
        const known = code === 'BUS_TIMEOUT' ? timeoutMs !== undefined : code === 'BUS_SUBSCRIPTION_ENDED';
        account.endedEarly = code !== 'BUS_SUBSCRIPTION_ENDED';
        if (!known && message !== 'aborted as planned') this.#events.fault(`next() rejected: ${message}`);
      },
    );
    return this.#events.track(
      account.name,
      settled.then(() => void (account.over = true)),
    );
  }

  stop(account: Account, drain: boolean): void {
    const { subscription } = account;
    if (subscription === undefined) return;
    if (drain) this.#reference.mark(account.drained);
    else account.cut();
    void this.#events.track(`${account.name}: stop`, subscription.stop({ drain }));
  }

  abort(account: Account): void {
    const abort = this.#aborts.get(account);
    if (abort === undefined) return;
    account.cut();
    abort.abort();
  }

  setFilter(account: Account, filter: number): void {
    const { subscription } = account;
    if (subscription === undefined) return;
    const { active } = subscription;
    const { encoding, log } = this.#reference;
    let code: string | undefined;
    try {
      subscription.setFilter(FILTERS[filter]!.input);
    } catch (error) {
      code = (error as { code?: string }).code ?? String(error);
    }
    const expected = !active ? 'BUS_SUBSCRIPTION_ENDED' : encoding ? 'BUS_REENTRANT_PUBLISH' : undefined;
    // Its thread may have ended, and listeners not have heard of it yet.
    if (code !== expected && !(account.inThread && code === 'BUS_SUBSCRIPTION_ENDED')) {
      this.#events.fault(`setFilter on ${account.name}: ${code} instead of ${expected}`);
    }
    if (code === undefined) account.refilter(log.length, filter);
  }

  /** Asks a stream that is not iterated for some events. */
  pull(which: number, times: number): void {
    const pulled = [...this.#pulled];
    const [account, stream] = pulled[which % pulled.length] ?? [];
    if (account !== undefined) for (let i = 0; i < times; i++) this.#pullOne(account, stream!);
  }

  return(which: number): void {
    const pulled = [...this.#pulled];
    const [account, stream] = pulled[which % pulled.length] ?? [];
    if (account === undefined) return;
    account.cut();
    void this.#events.track(`${account.name}: return`, stream!.return());
  }

  /** From now on they take whatever comes. */
  consumePulled(): void {
    for (const [account, stream] of this.#pulled) {
      void this.#events.track(`${account.name}: for await`, this.#consume(account, stream));
    }
    this.#pulled.clear();
  }

  /** Signals that still have listeners: those of subscriptions that are over must not. */
  *heldSignals(): Generator<string> {
    for (const [account, { signal }] of this.#aborts) {
      if (getEventListeners(signal, 'abort').length > 0) yield `${account.name} still listens to its signal`;
    }
  }

  #open(account: Account, subscription: Subscription): void {
    account.subscription = subscription;
    this.#reference.accounts.push(account);
    subscription.on('lagged', (range) => void account.told.push(range));
    subscription.on('evicted', () => void account.evictions++);
    subscription.on('restart', () => void account.restarts++);
    subscription.on('error', (error) => {
      const { code } = error as { code?: string };
      if (code === 'BUS_HANDLER_FAILED') account.failuresTold++;
      else if (code === 'BUS_WORKER_EXITED') account.gaveUp = true;
      else this.#events.fault(`${account.name}: ${error.message}`);
    });
    subscription.on('end', () => {
      if (account.over) this.#events.fault(`${account.name} ended twice`);
      account.over = true;
    });
    void this.#events.track(`${account.name}: ended`, subscription.ended);
    const ready = subscription.ready.then(
      () => {},
      (error: Error) => {
        if (!account.gaveUp && subscription.active) this.#events.fault(`${account.name} never ready: ${error.message}`);
      },
    );
    void this.#events.track(`${account.name}: ready`, ready);
  }

  #pullOne(account: Account, stream: EventStream): void {
    const place = account.asked++;
    const pulled = stream.next().then(({ done, value }) => {
      if (done === true) return;
      if (place !== account.received)
        this.#events.fault(`${account.name}: read ${place} resolved as ${account.received}`);
      this.#consumer.take(account, value);
    });
    void this.#events.track(`${account.name}: read ${place}`, pulled);
  }

  async #consume(account: Account, stream: EventStream, handler?: Behaviour): Promise<void> {
    for await (const envelope of stream) {
      this.#consumer.take(account, envelope);
      await (handler === undefined ? this.#consumer.pause(account, envelope) : handler(account, envelope));
    }
  }
}
