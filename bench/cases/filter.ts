/** What many filters cost: for a topic that is known, and for one that was never seen. One filter matches, the others nearly. */
import EventEmitter2 from 'eventemitter2';
import mqemitter from 'mqemitter';
import picomatch from 'picomatch/posix.js';
import { Qlobber } from 'qlobber';
import { createBus } from 'ringcast';
import { type Calls, timeCalls } from '../call-timing.js';
import { VerificationError } from '../results.js';
import { type BenchCase, inTurns, type Subject } from '../rounds.js';

const UNITS = { cost: 'ns', delivery: 'ns' };
const MAX_BATCH = 2000;
/** An Any passes through unread: the smallest event there is. */
const EVENT = { typeUrl: 'bench.Empty', value: new Uint8Array(0) };

/** Filters that all of the subjects understand. All but one ask for another container, or another event. */
function filtersOf(count: number): readonly string[] {
  const filters = ['/service/c0/*/exit'];
  for (let i = 1; i < count; i++) {
    if (i % 4 === 0) filters.push(`/service/c${i}/task/exit`);
    else if (i % 4 === 1) filters.push(`/service/c${i}/*/exit`);
    else if (i % 4 === 2) filters.push(`/service/c${i}/**`);
    else filters.push(`/service/*/task/e${i}`);
  }
  return filters;
}

/** Topics to ask about; the first filter matches each, no other does. */
type Topics = (count: number, first: number) => readonly string[];

const knownTopics: Topics = (count) => new Array<string>(count).fill('/service/c0/task/exit');

/** In one piece, as a topic read from somewhere is; its hash is not yet known. */
const newTopics: Topics = (count, first) =>
  Array.from({ length: count }, (_, i) => Buffer.from(`/service/c0/t${first + i}/exit`, 'latin1').toString('latin1'));

interface Index {
  add(filter: unknown, subscriber: number): unknown;
  match(topic: string): readonly unknown[];
}

/** Something that tells who wants a topic. */
interface Matching {
  /** Asks about a topic. */
  ask(topic: string): void;
  /** How many subscriptions have been found so far. */
  found(): number;
  finish?(): Promise<void>;
  close?(): Promise<void>;
}

function ringcast(filters: readonly string[]): Matching {
  const bus = createBus();
  let asked = 0;
  let delivered = 0;
  for (const filter of filters) {
    bus.subscribe(filter, () => {
      delivered++;
    });
  }
  return {
    ask(topic) {
      bus.publish(topic, EVENT);
      asked++;
    },
    found: () => delivered,
    async finish() {
      while (delivered < asked) await new Promise(setImmediate);
    },
    async close() {
      await bus.close();
    },
  };
}

/**
 * The index that the bus asks, without the publish around it: what qlobber is to be compared with. The one subject of the
 * suite that no user can have; versions whose index is elsewhere go without.
 */
async function ringcastIndex(filters: readonly string[]): Promise<Matching> {
  const internal = (name: string): string => new URL(`../../src/topic/${name}.js`, import.meta.url).href;
  const { FilterIndex } = (await import(internal('filter-index'))) as { FilterIndex: new () => Index };
  const { compileFilter } = (await import(internal('filter'))) as { compileFilter(filter: string): unknown };
  const index = new FilterIndex();
  filters.forEach((filter, i) => {
    index.add(compileFilter(filter), i);
  });
  let found = 0;
  return {
    ask(topic) {
      found += index.match(topic).length;
    },
    found: () => found,
  };
}

function qlobber(filters: readonly string[]): Matching {
  const trie = new Qlobber<number>({ separator: '/', wildcard_one: '*', wildcard_some: '**' });
  filters.forEach((filter, i) => {
    trie.add(filter, i);
  });
  let found = 0;
  return {
    ask(topic) {
      found += trie.match(topic).length;
    },
    found: () => found,
  };
}

function picomatchList(filters: readonly string[]): Matching {
  const matchers = filters.map((filter) => picomatch(filter, { dot: true }));
  let found = 0;
  return {
    ask(topic) {
      for (const matches of matchers) if (matches(topic)) found++;
    },
    found: () => found,
  };
}

function eventemitter2(filters: readonly string[]): Matching {
  const emitter = new EventEmitter2.EventEmitter2({ wildcard: true, delimiter: '/', maxListeners: 0 });
  let heard = 0;
  for (const filter of filters) {
    emitter.on(filter, () => {
      heard++;
    });
  }
  return { ask: (topic) => void emitter.emit(topic, EVENT), found: () => heard };
}

function mq(filters: readonly string[]): Matching {
  const emitter = mqemitter({ wildcardOne: '*', wildcardSome: '**' });
  let heard = 0;
  for (const filter of filters) {
    emitter.on(filter, (_message, done) => {
      heard++;
      done();
    });
  }
  return { ask: (topic) => emitter.emit({ topic }), found: () => heard };
}

const SUBJECTS = {
  ringcast,
  'ringcast-index': ringcastIndex,
  qlobber,
  'picomatch-list': picomatchList,
  eventemitter2,
  mqemitter: mq,
};

function subject(
  benchCase: string,
  name: string,
  make: (filters: readonly string[]) => Matching | Promise<Matching>,
  filters: readonly string[],
  topicsOf: Topics,
): Subject {
  return {
    name,
    async open() {
      const matching = await make(filters);
      let topics: readonly string[] = [];
      let asked = 0;
      let next = 0;
      const verify = (): void => {
        if (matching.found() === asked) return;
        throw new VerificationError(benchCase, name, `${matching.found()} subscriptions found for ${asked} topics`);
      };
      const { finish } = matching;
      const calls: Calls = {
        maxBatch: MAX_BATCH,
        prepare(count) {
          topics = topicsOf(count, next);
          next += count;
        },
        batch(count) {
          for (let i = 0; i < count; i++) matching.ask(topics[i]!);
          asked += count;
        },
        ...(finish === undefined
          ? {}
          : {
              async finish() {
                await finish();
                verify();
              },
            }),
      };
      const timed = await timeCalls(calls);
      verify();
      return {
        async round(roundMs) {
          const values = await timed.round(roundMs);
          verify();
          return values;
        },
        close: () => matching.close?.(),
      };
    },
  };
}

function filterCase(name: string, count: number, topicsOf: Topics): BenchCase {
  return {
    name,
    run(plan) {
      const filters = filtersOf(count);
      const subjects = Object.entries(SUBJECTS).map(([key, make]) => subject(name, key, make, filters, topicsOf));
      return inTurns(name, UNITS, subjects).run(plan);
    },
  };
}

export const cases: readonly BenchCase[] = [1, 100, 10_000].flatMap((count) => [
  filterCase(`filter/cached/${count}`, count, knownTopics),
  filterCase(`filter/new-topic/${count}`, count, newTopics),
]);
