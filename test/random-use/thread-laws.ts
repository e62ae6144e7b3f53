/**
 * What must hold of threads that use a bus together, once it is closed. The list of accepted events is put together from all
 * receipts: each of them says which event has which sequence.
 */
import { letterId, MAX_SIZE, ORIGINS, originOf, recordBytesOf, TORN } from './events.js';
import type { Entry } from './reference.js';
import type { ReadThread, ThreadAccount, ThreadEvent } from './thread-account.js';
import { Kind, type LogEntry } from './thread-log.js';
import { DEAD_LETTER_TOPIC, FILTERS } from './topics.js';

const LETTER = {
  topic: DEAD_LETTER_TOPIC,
  namespace: 'default',
  exitStatus: undefined,
  recordBytes: recordBytesOf(MAX_SIZE),
};

interface Listed {
  readonly sequence: number;
  readonly id: number;
  readonly entry: Entry;
}

export interface ThreadsEnd {
  /** Everything that was accepted was delivered. */
  readonly complete: boolean;
  /** Sequences of events that were skipped, and about which a dead letter may have been published. */
  readonly skipped: readonly number[];
}

export class ThreadLaws {
  readonly #threads: readonly ReadThread[];
  readonly #end: ThreadsEnd;
  readonly #events = new Map<number, ThreadEvent>();
  /** By sequence. */
  readonly #list: Listed[] = [];
  readonly #sequences = new Map<number, number>();
  readonly faults: string[] = [];

  constructor(threads: readonly ReadThread[], end: ThreadsEnd) {
    this.#threads = threads;
    this.#end = end;
    for (const { events } of threads) for (const [id, event] of events) this.#events.set(id, event);
    for (const sequence of end.skipped) {
      const entry: Entry = { ...LETTER, id: letterId(sequence) };
      this.#events.set(entry.id, { entry, begunAt: 0, endedAt: undefined, outcome: undefined, told: false });
    }
    this.#putTogether();
    for (const thread of threads) {
      this.#checkProducer(thread);
      this.#checkDropped(thread);
      for (const account of thread.accounts) this.#checkAccount(account);
    }
  }

  get listed(): number {
    return this.#list.length;
  }

  /** One order for all, each event in it once, and nothing that nobody published. */
  #putTogether(): void {
    const ids = new Map<number, number>();
    for (const { name, receipts } of this.#threads.flatMap(({ accounts }) => accounts)) {
      for (const { sequence, id } of receipts) {
        if (id === TORN) this.#say(name, `${sequence} is torn`);
        else if (!this.#events.has(id)) this.#say(name, `${sequence} is event ${id}, which nobody has published`);
        else if (ids.has(sequence) && ids.get(sequence) !== id) {
          this.#say(name, `${sequence} is event ${id} here and ${ids.get(sequence)} elsewhere`);
        } else if (!ids.has(sequence)) {
          ids.set(sequence, id);
          if (this.#sequences.has(id)) this.#say(name, `event ${id} is ${sequence} and ${this.#sequences.get(id)}`);
          this.#sequences.set(id, sequence);
        }
      }
    }
    for (const [sequence, id] of [...ids].sort(([a], [b]) => a - b)) {
      this.#list.push({ sequence, id, entry: this.#events.get(id)!.entry });
    }
  }

  /** What one thread published is in the list in its order; nothing of it that was refused. */
  #checkProducer({ name, events, isCut, lost }: ReadThread): void {
    let newest = -1;
    /** The first accepted one that the thread may have taken with it. */
    let gone: number | undefined;
    for (const [id, { outcome, told }] of events) {
      const sequence = this.#sequences.get(id);
      if (sequence === undefined) {
        if (outcome === 'queued' && !told) gone ??= id;
        continue;
      }
      if (outcome === 'refused') this.#say(name, `event ${id} was refused and is ${sequence}`);
      if (sequence <= newest) this.#say(name, `event ${id} is ${sequence}, behind ${newest}`);
      if (gone !== undefined && this.#isWanted(gone)) this.#say(name, `event ${id} is there, ${gone} before it is not`);
      newest = sequence;
    }
    if (lost > 0 && this.#end.complete && !isCut) this.#say(name, `closing left ${lost} events`);
  }

  /** What a thread took with it as it ended is counted, event for event. */
  #checkDropped({ name, events, dropped }: ReadThread): void {
    if (dropped === undefined) return;
    const missing = [...events].filter(([id, { outcome }]) => {
      return outcome === 'queued' && !this.#sequences.has(id) && this.#isWanted(id);
    });
    if (missing.length <= dropped) return;
    this.#say(
      name,
      `${missing.length} queued events are missing, from ${missing[0]![0]} on; ${dropped} are counted as lost`,
    );
  }

  /** Whether some subscription got all that was to be had on the topic of an event, from before it was published. */
  #isWanted(id: number): boolean {
    const event = this.#events.get(id)!;
    const told = { ...event, told: true };
    return this.#threads.some(({ accounts }) => accounts.some((account) => this.#isOwed(account, id, told)));
  }

  #checkAccount(account: ThreadAccount): void {
    const { name, receipts, terms, cutAt, join, changes } = account;
    if (terms.limit !== undefined && receipts.length > terms.limit) this.#say(name, `got more than ${terms.limit}`);
    let before = -1;
    for (const { sequence, at } of receipts) {
      if (sequence <= before) this.#say(name, `${sequence} came after ${before}`);
      before = sequence;
      const isHandler = terms.form === 'handler' || terms.form === 'isolated';
      if (isHandler && cutAt !== undefined && at > cutAt) this.#say(name, `${sequence} came after it was stopped`);
      if (join !== undefined && sequence < join) this.#say(name, `${sequence} lies before ${join}`);
    }
    this.#checkJoin(account);
    for (const [id, event] of this.#events) {
      if (this.#isOwed(account, id, event) && !this.#sequences.has(id)) this.#say(name, `event ${id} never came`);
    }
    this.#checkSelection(account, [{ at: 0, filter: terms.filter }, ...changes]);
  }

  /** What the thread itself published before is not of it, what it published after is. */
  #checkJoin({ name, log, terms, subscribedAt, join }: ThreadAccount): void {
    if (join === undefined) return;
    for (const [id, { begunAt }] of log.events) {
      const sequence = this.#sequences.get(id);
      if (sequence === undefined) continue;
      if (begunAt > subscribedAt && sequence < join) this.#say(name, `begins at ${join}, behind event ${id}`);
      if (begunAt < subscribedAt && sequence >= join && terms.from === 'now') {
        this.#say(name, `begins at ${join}, before event ${id}`);
      }
    }
  }

  /** Whether an event has to have come, whatever became of others. */
  #isOwed(account: ThreadAccount, id: number, { entry, told, begunAt, endedAt }: ThreadEvent): boolean {
    if (!told || !this.#isWhole(account) || account.isEvicted || account.terms.lossy) return false;
    const { log, subscribedAt, readyAt, changes, terms } = account;
    const since = log.events.has(id) ? subscribedAt : readyAt!;
    const end = changes.find(({ filter }) => filter === undefined)?.at ?? Number.POSITIVE_INFINITY;
    if (begunAt < since || endedAt === undefined || endedAt > end) return false;
    // An end counts in the order of its own thread's events; another thread's may be on their way then.
    if (end !== Number.POSITIVE_INFINITY && !log.events.has(id)) return false;
    return [terms.filter, ...changes.map(({ filter }) => filter)].every(
      (filter) => filter === undefined || this.#selects(account, filter, entry),
    );
  }

  /** Whether it has got everything up to its end. */
  #isWhole({ log, cutAt, terms, join }: ThreadAccount): boolean {
    return this.#end.complete && !log.isCut && cutAt === undefined && terms.limit === undefined && join !== undefined;
  }

  #selects({ terms }: ThreadAccount, filter: number | undefined, entry: Entry): boolean {
    if (filter === undefined) return false;
    const origin = originOf(entry.id);
    return FILTERS[filter]!.selects(entry) && !terms.except.some((index) => ORIGINS[index] === origin);
  }

  /**
   * It got what its filters selected, each from some sequence on that lies, among the events of its own thread, where the filter
   * was set. Follows all such sequences at once.
   */
  #checkSelection(
    account: ThreadAccount,
    terms: readonly { readonly at: number; readonly filter: number | undefined }[],
  ): void {
    const { name, log, join, receipts, isEvicted, lagged } = account;
    const mayMiss = account.terms.lossy || isEvicted;
    const got = new Set(receipts.map(({ sequence }) => sequence));
    const newest = receipts.at(-1)?.sequence ?? -1;
    // A change counts behind what its own thread published before, and before what that published after.
    const bounds = terms.map(({ at }) => {
      let low = 0;
      let high = Number.POSITIVE_INFINITY;
      for (const [id, { begunAt }] of log.events) {
        const sequence = this.#sequences.get(id);
        if (sequence === undefined) continue;
        if (begunAt < at) low = Math.max(low, sequence + 1);
        else high = Math.min(high, sequence);
      }
      return { low, high };
    });
    let states = new Set([0]);
    const begin = join ?? receipts[0]?.sequence ?? Number.POSITIVE_INFINITY;
    for (const { sequence, entry } of this.#list) {
      if (sequence < begin) continue;
      if (sequence > newest && !this.#isWhole(account)) break;
      const next = new Set<number>();
      for (const state of states) {
        for (let at = state; at < terms.length; at++) {
          if (at > state && bounds[at]!.low > sequence) break;
          const mustHaveMoved = at + 1 < terms.length && bounds[at + 1]!.high <= sequence;
          if (mustHaveMoved) continue;
          const selected = this.#selects(account, terms[at]!.filter, entry);
          const missed = mayMiss && lagged.some(({ first, until }) => sequence >= first && sequence < until);
          if (got.has(sequence) ? selected : !selected || missed || (mayMiss && sequence > newest)) next.add(at);
        }
      }
      if (next.size === 0) {
        const what = got.has(sequence) ? 'is not selected' : 'is missing';
        this.#say(name, `${sequence}, event ${entry.id} on ${entry.topic}, ${what}: ${describe(account, bounds)}`);
        return;
      }
      states = next;
    }
  }

  /**
   * A module gets everything from its first event on, in order; again, and marked, only what a life before had.
   *
   * @param skipped events that it has missed or that were skipped, as its subscription says
   */
  *checkModule(entries: readonly LogEntry[], complete: boolean, skipped: number): Generator<string> {
    const got = new Set<number>();
    let newest = -1;
    for (const { kind, a: redelivered, b: sequence, c: id } of entries) {
      if (kind !== Kind.Got) continue;
      if (this.#sequences.has(id) && this.#sequences.get(id) !== sequence)
        yield `the module got event ${id} as ${sequence}`;
      if (got.has(sequence) && redelivered === 0) yield `the module got ${sequence} again, unmarked`;
      if (redelivered === 0 && sequence <= newest) yield `the module got ${sequence} after ${newest}`;
      got.add(sequence);
      newest = Math.max(newest, sequence);
    }
    const missing = this.#list.filter(({ sequence }) => !got.has(sequence) && sequence > Math.min(...got));
    const owed = missing.filter(({ sequence }) => complete || sequence < newest);
    if (owed.length <= skipped) return;
    const owing = owed.slice(0, 8).map((listed) => this.#describeListed(listed));
    yield `the module missed ${owing.join('; ')}; it says ${skipped}. ${describeLives(entries)}`;
  }

  #describeListed({ sequence, id, entry: { topic } }: Listed): string {
    const { begunAt, endedAt, outcome } = this.#events.get(id)!;
    const publisher = this.#threads.find(({ events }) => events.has(id))?.name ?? 'the bus';
    const accounts = this.#threads.flatMap((thread) => thread.accounts);
    const receivers = accounts.filter(({ receipts }) => receipts.some((receipt) => receipt.sequence === sequence));
    const publishing = `published by ${publisher} from stamp ${begunAt} to ${endedAt}, ${outcome}`;
    return `${sequence} of ${this.#list.at(-1)!.sequence}, event ${id} on ${topic}, ${publishing}, got by ${receivers.map(({ name }) => name)}`;
  }

  #say(name: string, text: string): void {
    if (this.faults.length < 12) this.faults.push(`${name}: ${text}`);
  }
}

/** What each life of a module got, first and last. */
function describeLives(entries: readonly LogEntry[]): string {
  const lives: LogEntry[][] = [];
  for (const entry of entries) {
    if (entry.kind === Kind.Life) lives.push([entry]);
    else lives.at(-1)!.push(entry);
  }
  const texts = lives.map(([begin, ...got]) => {
    const what = got.length === 0 ? 'nothing' : `${showGot(got[0]!)} to ${showGot(got.at(-1)!)}`;
    return `life ${begin!.a + 1} began at stamp ${begin!.stamp} and got ${what}`;
  });
  return texts.join(', ');
}

const showGot = ({ a, b, stamp }: LogEntry): string => `${b}${a === 1 ? ' again' : ''} (stamp ${stamp})`;

function describe(account: ThreadAccount, bounds: readonly { readonly low: number; readonly high: number }[]): string {
  const { terms, join, changes, receipts, lagged, isEvicted, log } = account;
  const { form, filter, lossy, from, limit } = terms;
  const got = { received: receipts.length, first: receipts[0]?.sequence, last: receipts.at(-1)?.sequence };
  const filters = [filter, ...changes.map((change) => change.filter ?? 'end')];
  return JSON.stringify({
    form,
    lossy,
    from,
    limit,
    join,
    filters,
    bounds,
    ...got,
    lagged,
    isEvicted,
    isCut: log.isCut,
  });
}
