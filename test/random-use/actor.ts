/** Carries the script of a thread out, on whatever thread, and writes down what it did and what it got. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BusClient } from '../../src/bus/bus-client.js';
import type { Envelope, EventStream, Subscription } from '../../src/index.js';
import { turn } from '../support/bus-scene.js';
import { mix } from '../torture/payload.js';
import { BLOCK, ELSEWHERE, extensionOf, idOf, makeEnvelope, makeEvent, ORIGINS } from './events.js';
import { lengthDelimited } from './sender.js';
import { Kind, type ThreadLog } from './thread-log.js';
import {
  packTerms,
  type ThreadAction,
  type ThreadScript,
  type ThreadSending,
  type ThreadSubscribing,
  topicOf,
} from './thread-script.js';
import { FILTERS } from './topics.js';

/** What a thread is connected by: the bus itself, or a connection. */
export type Client = Pick<
  BusClient,
  'publish' | 'tryPublish' | 'publishSync' | 'forward' | 'forwardAll' | 'writable' | 'flush' | 'subscribe' | 'next'
> & {
  close(options?: { drainTimeoutMs?: number }): Promise<{ readonly undelivered: number }>;
  destroy(): void;
  stats(): { readonly pending: { readonly events: number } };
};

export const SYNC_TIMEOUT_MS = 40;
const WAIT_MS = 40;
/** Events that handlers publish. */
const MAX_ACTS = 40;
/** What is kept free of the log, for what arrives. */
const RESERVE = 0.7;

const REFUSALS = new Set(['BUS_QUEUE_FULL', 'BUS_CLOSED', 'BUS_PUBLISH_TIMEOUT', 'BUS_WOULD_DEADLOCK']);
const never = new Int32Array(new SharedArrayBuffer(4));

interface Held {
  readonly key: number;
  readonly subscription: Subscription;
  readonly abort: AbortController;
}

export class Actor {
  readonly #log: ThreadLog;
  readonly #connect: () => Client;
  readonly #fault: (text: string) => void;
  #bus: Client;
  #nextId: number;
  #keys = 0;
  #acts = 0;
  #queued = false;
  /** The bus accepts nothing more. */
  #isClosed = false;
  readonly #held = new Set<Held>();
  readonly #script: ThreadScript;

  /** @param connect called once more after each `reconnect` */
  constructor(connect: () => Client, log: ThreadLog, script: ThreadScript, fault: (text: string) => void) {
    this.#connect = connect;
    this.#bus = connect();
    this.#log = log;
    this.#script = script;
    this.#nextId = script.firstId;
    this.#fault = fault;
  }

  async run(): Promise<void> {
    for (const [index, action] of this.#script.actions.entries()) {
      if (this.#isClosed) return;
      await this.#do(action, index);
      // Deaths come anywhere; what the owner says comes between two actions.
      if (index % 4 === 0) await turn();
    }
  }

  /** Leaves the bus as the script says. */
  async leave(): Promise<void> {
    const { end } = this.#script;
    if (this.#isClosed) {
      // Then all subscriptions end.
    } else if (end === 'destroy') {
      this.#log.add(Kind.Destroyed);
      this.#bus.destroy();
    } else if (end === 'close') await this.#close();
    else if (end === 'exit') await this.#drain();
    else {
      // Streams that are read hold the thread open.
      for (const { key, subscription } of [...this.#held]) {
        this.#log.add(Kind.Stopped, key, 1);
        void subscription.stop({ drain: true });
      }
    }
    this.#log.add(Kind.Done);
  }

  async #do(action: ThreadAction, index: number): Promise<void> {
    switch (action.do) {
      case 'send':
        for (let i = 0; i < action.times; i++) {
          if (!this.#send(action) && action.waits) await Promise.race([this.#writable(), sleep(WAIT_MS)]);
        }
        break;
      case 'forwardAll':
        this.#forwardAll(action);
        break;
      case 'subscribe':
        this.#attempt(() => this.#subscribe(action, index));
        break;
      case 'stop':
      case 'drain':
        this.#withHeld(action.which, ({ key, subscription }) => {
          this.#log.add(Kind.Stopped, key, action.do === 'drain' ? 1 : 0);
          void subscription.stop({ drain: action.do === 'drain' });
        });
        break;
      case 'abort':
        this.#withHeld(action.which, ({ key, abort }) => {
          this.#log.add(Kind.Stopped, key, 0);
          abort.abort();
        });
        break;
      case 'setFilter':
        this.#withHeld(action.which, ({ key, subscription }) => {
          this.#attempt(() => {
            subscription.setFilter(FILTERS[action.filter]!.input);
            this.#log.add(Kind.Refiltered, key, action.filter);
          });
        });
        break;
      case 'reconnect':
        await this.#close();
        if (!this.#isClosed) this.#bus = this.#connect();
        break;
      case 'writable':
        await Promise.race([this.#writable(), sleep(WAIT_MS)]);
        break;
      case 'flush':
        this.#attempt(() => this.#bus.flush());
        break;
      case 'sleep':
        await sleep(action.ms);
        break;
      case 'block':
        Atomics.wait(never, 0, 0, action.ms);
        break;
      case 'turn':
        await turn();
        break;
    }
  }

  get #hasRoom(): boolean {
    return this.#log.count < this.#log.capacity * (1 - RESERVE);
  }

  /** Returns what the verb returned, or true. */
  #send({ verb, terms, size }: Pick<ThreadSending, 'verb' | 'terms' | 'size'>): boolean {
    if (!this.#hasRoom || this.#isClosed) return true;
    const id = this.#nextId++;
    const topic = topicOf(id, terms.topic);
    const bus = this.#bus;
    const { namespace, shape } = terms;
    const options = { ...extensionOf(id), ...(namespace === 'default' ? {} : { namespace }) };
    this.#log.add(Kind.Begun, id, packTerms(terms));
    let outcome: boolean | undefined;
    try {
      if (verb === 'forward') outcome = bus.forward(makeEnvelope(id, topic, size, id % 3 !== 0), extensionOf(id));
      else if (verb === 'publish') outcome = bus.publish(topic, makeEvent(id, shape, size), options);
      else if (verb === 'tryPublish') outcome = bus.tryPublish(topic, makeEvent(id, shape, size), options);
      else bus.publishSync(topic, makeEvent(id, shape, size), { ...options, timeoutMs: SYNC_TIMEOUT_MS });
    } catch (error) {
      this.#log.add(Kind.Refused, id);
      this.#refused(verb, error);
      return true;
    }
    const isQueued = outcome === false && verb !== 'tryPublish';
    this.#log.add(outcome !== false ? Kind.Written : isQueued ? Kind.Queued : Kind.Refused, id);
    if (isQueued) this.#queued = true;
    return outcome !== false;
  }

  #forwardAll({ topic: which, size, length }: Extract<ThreadAction, { do: 'forwardAll' }>): void {
    if (!this.#hasRoom || this.#isClosed) return;
    // Of one block: they have an extension in common.
    const first = Math.ceil(this.#nextId / BLOCK) * BLOCK;
    this.#nextId = first + length;
    const runs = Array.from({ length }, (_, i) => {
      this.#log.add(Kind.Begun, first + i, packTerms({ topic: which, shape: 'bytes', namespace: ELSEWHERE }));
      return lengthDelimited(makeEnvelope(first + i, topicOf(first + i, which), size, i % 3 !== 0));
    });
    let left = 0;
    try {
      left = this.#bus.forwardAll(Buffer.concat(runs), extensionOf(first));
    } catch (error) {
      // What of the run was taken over is on the bus.
      this.#refused('forwardAll', error);
      return;
    }
    for (const [i, { length: bytes }] of runs.entries()) {
      this.#log.add(left > 0 ? Kind.Written : Kind.Refused, first + i);
      left -= bytes;
    }
  }

  #subscribe(terms: ThreadSubscribing, index: number): void {
    if (!this.#hasRoom) return;
    const { form, filter, lossy, from, limit } = terms;
    const key = this.#keys++;
    const abort = new AbortController();
    const exceptOrigins = terms.except.map((origin) => ORIGINS[origin]!);
    const { input } = FILTERS[filter]!;
    if (form === 'next') {
      const next = this.#bus.next(input as string, { signal: abort.signal, exceptOrigins, timeoutMs: 200 });
      this.#log.add(Kind.Subscribed, key, index);
      next.then((envelope) => this.#take(key, terms, envelope)).catch(() => {});
      return;
    }
    const common = {
      ...{ name: `subscription-${key}`, signal: abort.signal, from, exceptOrigins },
      delivery: lossy ? ('lossy' as const) : ('lossless' as const),
    };
    let subscription: Subscription;
    if (form === 'stream') {
      const stream = this.#bus.subscribe(input as string, common) as EventStream;
      void this.#consume(key, terms, stream);
      subscription = stream;
    } else {
      const many = limit === undefined ? {} : limit === 1 ? { once: true } : { many: limit };
      const options = { ...common, ...many, isolate: form === 'isolated' };
      subscription = this.#bus.subscribe(input as string, (envelope) => this.#take(key, terms, envelope), options);
    }
    this.#log.add(Kind.Subscribed, key, index);
    const held = { key, subscription, abort };
    this.#held.add(held);
    subscription.on('lagged', ({ first, count, until = first + count }) => {
      this.#log.add(Kind.Lagged, key, first, until);
    });
    subscription.on('evicted', () => this.#log.add(Kind.Evicted, key));
    subscription.on('end', () => {
      this.#held.delete(held);
      this.#log.add(Kind.Ended, key);
    });
    subscription.on('error', (error) => {
      const { code } = error as { code?: string };
      if (code !== 'BUS_HANDLER_FAILED' && code !== 'BUS_TOO_MANY_READERS') this.#fault(`${key}: ${error.message}`);
    });
    subscription.ready.then(
      () => this.#log.add(Kind.Ready, key, subscription.delivery.joinSequence),
      () => {},
    );
  }

  async #consume(key: number, terms: ThreadSubscribing, stream: EventStream): Promise<void> {
    for await (const envelope of stream) {
      try {
        await this.#take(key, terms, envelope);
      } catch {
        // As planned.
      }
    }
  }

  /** What a subscriber does with an event: decided by the event. */
  #take(key: number, { salt, wild }: ThreadSubscribing, envelope: Envelope): Promise<unknown> | undefined {
    const id = idOf(envelope);
    this.#log.add(Kind.Got, key, envelope.sequence, id);
    const dice = mix(id, salt);
    if (dice % 7 === 0) return turn();
    if (!wild) return undefined;
    if (dice % 41 === 0) return sleep(dice % 15);
    if (dice % 43 === 0) Atomics.wait(never, 0, 0, dice % 6);
    if (dice % 47 === 0) throw new Error('as planned');
    if (dice % 29 !== 0 || this.#acts++ > MAX_ACTS) return undefined;
    const verb = (['publish', 'tryPublish', 'publishSync'] as const)[dice % 3]!;
    const sent = this.#send({
      verb,
      terms: { topic: dice % 6, shape: 'plain', namespace: 'default' },
      size: dice % 300,
    });
    return sent ? undefined : this.#writable();
  }

  async #writable(): Promise<void> {
    try {
      await this.#bus.writable();
      // Others of this thread may have published since.
      if (!this.#queued || this.#bus.stats().pending.events > 0) return;
      this.#log.add(Kind.Drained);
      this.#queued = false;
    } catch (error) {
      this.#refused('writable', error);
    }
  }

  async #drain(): Promise<void> {
    for (;;) {
      await this.#writable();
      if (!this.#queued || this.#isClosed) return;
    }
  }

  async #close(): Promise<void> {
    this.#log.add(Kind.Closing);
    const { undelivered } = await this.#bus.close({ drainTimeoutMs: Number.POSITIVE_INFINITY });
    this.#log.add(Kind.Closed, undelivered);
    this.#queued = false;
  }

  #withHeld(which: number, act: (held: Held) => void): void {
    const { pinned } = this.#script;
    const held = [...this.#held].filter(({ key, subscription }) => key >= pinned && subscription.active);
    if (held.length > 0) act(held[which % held.length]!);
  }

  #attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#refused('a call', error);
    }
  }

  #refused(what: string, error: unknown): void {
    const { code, message } = error as { code?: string; message: string };
    if (code === 'BUS_CLOSED') this.#isClosed = true;
    else if (!REFUSALS.has(code ?? '') && code !== 'BUS_TOO_MANY_READERS' && code !== 'BUS_SUBSCRIPTION_ENDED') {
      this.#fault(`${what}: ${message}`);
    }
  }
}
