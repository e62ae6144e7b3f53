/** One round: a bus of its own, everything that a script says, its end, and the laws. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Bus } from '../../src/bus/bus.js';
import { turn } from '../support/bus-scene.js';
import { ThreadWatch } from '../support/deaths.js';
import type { Account } from './account.js';
import { act } from './acts.js';
import { endRound } from './ending.js';
import { letterId, recordBytesOf } from './events.js';
import { Reference } from './reference.js';
import { refuse } from './refusals.js';
import type { RoundResult } from './round-result.js';
import type { Action, Script, Sending } from './script.js';
import { Sender } from './sender.js';
import { Subscribers } from './subscribers.js';
import { DEAD_LETTER_TOPIC } from './topics.js';

/** Events of a round, and things that handlers do, at most. */
const MAX_EVENTS = 6_000;
const MAX_ACTS = 300;
const WAIT_MS = 20;
/** Faults that are kept. */
const MAX_FAULTS = 12;

export class Round {
  readonly script: Script;
  readonly bus: Bus;
  readonly reference = new Reference();
  readonly sender: Sender;
  readonly subscribers: Subscribers;
  readonly faults: string[] = [];
  readonly pending = new Map<Promise<unknown>, string>();
  readonly #threads = new ThreadWatch();
  readonly #progress: () => void;
  #acts = 0;
  /** Index of the action that is being done. */
  at = 0;
  evictions = 0;
  /** What had been queued by the last `drain`. */
  #drainedAt = 0;
  /** A dead letter may have been queued and written since. */
  #lettered = false;
  closing = false;

  /** @param progress called whenever something goes on */
  constructor(script: Script, progress: () => void) {
    this.script = script;
    this.#progress = progress;
    const { capacityBytes, stallTimeoutMs, maxPendingBytes, keepUnwanted, flush } = script;
    this.bus = new Bus({ capacityBytes, stallTimeoutMs, maxPendingBytes, keepUnwanted, flush }, script.startPosition);
    this.sender = new Sender(this.bus, this.reference, script, {
      fault: (text) => this.fault(text),
      inside: (actions) => this.#inside(actions),
    });
    this.subscribers = new Subscribers(this.bus, this.reference, capacityBytes, {
      fault: (text) => this.fault(text),
      act: (account, envelope) => (this.#acts++ > MAX_ACTS ? undefined : act(this, account, envelope)),
      progress,
      track: (name, promise) => this.track(name, promise),
    });
    this.bus.on('error', (error) => this.fault(`the bus: ${error.message}`));
    this.bus.on('drain', () => this.#drained());
    this.bus.on('evicted', () => void this.evictions++);
    this.bus.on('deadLetter', ({ subscription, sequence }) => this.#leftOut(subscription, sequence));
  }

  async run(): Promise<RoundResult> {
    const onWarning = (warning: Error & { readonly code?: string }): void => {
      const expected = warning.code === 'BUS_EVICTED' || warning.name === 'ExperimentalWarning';
      if (!expected) this.fault(`a warning: ${warning.message}`);
    };
    process.on('warning', onWarning);
    try {
      for (const action of this.script.actions) {
        await this.#do(action);
        this.at++;
        this.#progress();
      }
      return await endRound(this);
    } finally {
      process.off('warning', onWarning);
      this.#threads[Symbol.dispose]();
    }
  }

  fault(text: string): void {
    if (this.faults.length < MAX_FAULTS) this.faults.push(`action ${this.at}: ${text}`);
  }

  /** The promise must settle in the end; it must not be rejected. */
  track<T>(name: string, promise: Promise<T>): Promise<T> {
    this.pending.set(promise, name);
    promise.then(
      () => this.pending.delete(promise),
      (error: Error) => {
        this.pending.delete(promise);
        this.fault(`${name}: ${error.stack}`);
      },
    );
    return promise;
  }

  async #do(action: Action): Promise<void> {
    switch (action.do) {
      case 'turn':
        await turn();
        break;
      case 'sleep':
        await sleep(action.ms);
        break;
      case 'writable':
        // Whoever holds the ring may be waiting for us.
        await Promise.race([this.writable(false), sleep(WAIT_MS)]);
        break;
      case 'send':
        for (let i = 0; i < action.times; i++) {
          const sent = this.send(action);
          if (!sent && action.waits) await Promise.race([this.writable(false), sleep(WAIT_MS)]);
        }
        break;
      case 'next':
        void this.subscribers.next(action);
        break;
      default:
        this.#doAtOnce(action);
    }
  }

  /** What takes no time, and may be done while an event is encoded. */
  #doAtOnce(action: Action): void {
    const { subscribers } = this;
    switch (action.do) {
      case 'send':
        this.send(action);
        break;
      case 'forwardAll':
        if (this.sender.sent < MAX_EVENTS) this.sender.forwardAll(action);
        break;
      case 'subscribe':
        this.subscribe(action);
        break;
      case 'stop':
      case 'drain':
        this.#withAccount(action.which, (account) => subscribers.stop(account, action.do === 'drain'));
        break;
      case 'abort':
        this.#withAccount(action.which, (account) => subscribers.abort(account));
        break;
      case 'setFilter':
        this.#withAccount(action.which, (account) => subscribers.setFilter(account, action.filter));
        break;
      case 'return':
        subscribers.return(action.which);
        break;
      case 'pull':
        subscribers.pull(action.which, action.times);
        break;
      case 'kill': {
        const threads = [...this.#threads.threads];
        const thread = threads[action.which % threads.length];
        if (thread !== undefined) void this.#threads.end(thread);
        break;
      }
      case 'block':
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, action.ms);
        break;
      case 'flush':
        this.bus.flush();
        break;
      case 'refuse':
        refuse(this, action.how);
        break;
    }
  }

  #inside(actions: readonly Action[]): Error | undefined {
    for (const action of actions) {
      if (action.do === 'throw') return new Error('as planned');
      this.#doAtOnce(action);
    }
    return undefined;
  }

  send(sending: Sending): boolean {
    return this.sender.sent >= MAX_EVENTS || this.sender.send(sending);
  }

  subscribe(action: Extract<Action, { do: 'subscribe' }>): void {
    try {
      this.subscribers.subscribe(action);
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (!(code === 'BUS_CLOSED' && this.closing) && code !== 'BUS_TOO_MANY_READERS')
        this.fault(`subscribe: ${message}`);
    }
  }

  #withAccount(which: number, act: (account: Account) => void): void {
    const accounts = this.reference.accounts.filter(({ subscription, over }) => subscription !== undefined && !over);
    if (accounts.length > 0) act(accounts[which % accounts.length]!);
  }

  async writable(inHandler: boolean): Promise<void> {
    try {
      await this.track(
        'writable',
        this.bus.writable().catch((error: { code?: string }) => {
          const { code } = error;
          if (code === 'BUS_CLOSED' ? !this.closing : !(code === 'BUS_WOULD_DEADLOCK' && inHandler)) {
            this.fault(`writable: ${code}`);
          }
        }),
      );
    } catch {}
  }

  /** Whether `drain` was emitted since something was queued last. */
  get isDrained(): boolean {
    return this.#drainedAt === this.sender.queued;
  }

  #drained(): void {
    const { pending } = this.bus.stats();
    if (this.reference.encoding) this.fault('drain was emitted while an event was being encoded');
    if (pending.events > 0) this.fault(`drain was emitted while ${pending.events} events wait`);
    if (this.isDrained && !this.#lettered) this.fault('drain was emitted, and nothing had been queued');
    this.#drainedAt = this.sender.queued;
    this.#lettered = false;
  }

  /** A thread kept dying of an event. */
  #leftOut(name: string, sequence: number): void {
    const { reference, bus } = this;
    reference.accounts.find((account) => account.name === name)?.skipped.add(sequence);
    const { published } = bus.stats();
    if (published === reference.published) return;
    reference.published = published;
    const size = reference.log[sequence]!.recordBytes;
    const letter = { id: letterId(sequence), topic: DEAD_LETTER_TOPIC, namespace: 'default', exitStatus: undefined };
    reference.add({ ...letter, recordBytes: recordBytesOf(size + 256), causedBy: name });
    this.#lettered = true;
    const stats = bus.stats();
    if (stats.pending.events > 0) this.sender.queued++;
    this.sender.checkPlaces(stats, (text) => this.fault(`dead letter: ${text}`));
  }
}
