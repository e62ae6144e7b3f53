/** What handlers and loops on the thread of the bus do with an event: they write it down, and behave as their temper says. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Envelope } from '../../src/index.js';
import { turn } from '../support/bus-scene.js';
import type { Account } from './account.js';
import { idOf } from './events.js';
import type { Reference } from './reference.js';
import { moodOf } from './temper.js';

export interface ConsumerEvents {
  fault(text: string): void;
  /** A handler is in the mood to do something. */
  act(account: Account, envelope: Envelope): Promise<void> | undefined;
  /** Something went on. */
  progress(): void;
}

export class Consumer {
  readonly #reference: Reference;
  readonly #events: ConsumerEvents;

  constructor(reference: Reference, events: ConsumerEvents) {
    this.#reference = reference;
    this.#events = events;
  }

  take(account: Account, envelope: Envelope): void {
    this.#events.progress();
    const { sequence, redelivered, lagged } = envelope;
    const { form, limit } = account.terms;
    const say = (text: string): void => this.#events.fault(`${account.name} got ${sequence} ${text}`);
    if (this.#reference.encoding) say('while an event was being encoded');
    if (sequence >= this.#reference.log.length) say('before it was accepted');
    if (account.cutOff && (form === 'handler' || form === 'isolated')) say('after it was stopped');
    if (account.over && (form === 'handler' || form === 'isolated')) say('after its end');
    account.receive({ sequence, id: idOf(envelope), redelivered, lagged, life: 1 });
    if (limit !== undefined && account.received > limit) say(`beyond its limit of ${limit}`);
  }

  /** What the handler does besides writing down, and what it returns. */
  behave(account: Account, envelope: Envelope): Promise<void> | undefined {
    const mood = moodOf(idOf(envelope), account.terms.temper!);
    if (mood === 'throw') {
      account.failed++;
      throw new Error('as planned');
    }
    const pending = mood === 'reject' ? Promise.reject(new Error('as planned')) : this.pause(account, envelope);
    if (pending === undefined) {
      account.delivered++;
      return undefined;
    }
    pending.then(
      () => account.delivered++,
      () => account.failed++,
    );
    return pending;
  }

  pause(account: Account, envelope: Envelope): Promise<void> | undefined {
    const temper = account.terms.temper!;
    switch (moodOf(idOf(envelope), temper)) {
      case 'wait':
        return turn();
      case 'hang':
        return sleep(temper.hangMs);
      case 'act':
        return this.#events.act(account, envelope);
      default:
        return undefined;
    }
  }
}
