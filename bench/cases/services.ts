/**
 * What emission costs operations that do real work, and how many events a second such work makes. `no-bus` is the same
 * work with nobody to emit to.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createBus, runWithEmitter } from 'ringcast';
import { buildShellImage, ContentStore, findBusybox, openServices, RuncRuntime, storm } from 'ringcast/services';
import { busWithReader } from '../bus-rig.js';
import { type Result, resultOf, VerificationError } from '../results.js';
import { type BenchCase, inTurns, type Plan, type Running } from '../rounds.js';
import { median } from '../statistics.js';

const contentWrite = 'services/content-write';
const FILTER = '/service/**';
const BLOB_BYTES = 256;
const WARM_UP_WRITES = 50;
const IMAGE = 'bench.test/shell:1';

/** Somewhere that work can emit to, or nowhere. */
interface Sink {
  /** Runs work that emits. */
  run<R>(work: () => Promise<R>): Promise<R>;
  /** Throws a VerificationError unless that many events have arrived. */
  close(emitted: number): Promise<void>;
}

const sinks: Readonly<Record<string, (benchCase: string) => Promise<Sink>>> = {
  async ringcast(benchCase) {
    const { bus, verify } = await busWithReader(FILTER);
    const emitter = bus.emitter();
    return {
      run: (work) => runWithEmitter(emitter, work),
      async close(emitted) {
        await verify(emitted, benchCase, 'ringcast');
        await bus.close();
      },
    };
  },
  async 'ringcast-handler'(benchCase) {
    const bus = createBus();
    const emitter = bus.emitter();
    let received = 0;
    bus.subscribe(FILTER, () => {
      received++;
    });
    return {
      run: (work) => runWithEmitter(emitter, work),
      async close(emitted) {
        await bus.close();
        if (received === emitted) return;
        throw new VerificationError(benchCase, 'ringcast-handler', `${received} events arrived of ${emitted}`);
      },
    };
  },
  async 'no-bus'() {
    return { run: (work) => work(), close: async () => {} };
  },
};

/**
 * Durable writes of small blobs, the subjects in turns write by write: a disk changes its pace from one second to the
 * next. A sample is the median of a round.
 */
async function measureContentWrite(plan: Plan): Promise<readonly Result[]> {
  const subjects = Object.keys(sinks).filter(plan.wants);
  const directory = await mkdtemp(join(tmpdir(), 'ringcast-bench-'));
  try {
    const store = await ContentStore.open(directory);
    const opened: { sink: Sink; writes: number; costs: number[]; samples: number[] }[] = [];
    for (const subject of subjects) {
      opened.push({ sink: await sinks[subject]!(contentWrite), writes: 0, costs: [], samples: [] });
    }
    let serial = 0;
    const write = async (subject: (typeof opened)[number]): Promise<void> => {
      const bytes = Buffer.alloc(BLOB_BYTES, `blob ${serial++} `);
      const startMs = performance.now();
      await subject.sink.run(() => store.write(bytes));
      subject.costs.push((performance.now() - startMs) * 1e6);
      subject.writes++;
    };
    const takeTurns = async (isOver: (turn: number) => boolean): Promise<void> => {
      for (let turn = 0; !isOver(turn); turn++) {
        // There and back, so that nobody always comes after the same one.
        const order = turn % 2 === 0 ? opened : opened.toReversed();
        for (let at = 0; at < order.length; at++) await write(order[((turn >> 1) + at) % order.length]!);
      }
    };
    await takeTurns((turn) => turn >= WARM_UP_WRITES);
    for (let round = 0; round < plan.rounds; round++) {
      for (const subject of opened) subject.costs = [];
      const endMs = performance.now() + plan.roundMs * opened.length;
      await takeTurns(() => performance.now() >= endMs);
      for (const subject of opened) subject.samples.push(median(subject.costs));
    }
    for (const { sink, writes } of opened) await sink.close(writes);
    return subjects.map((subject, at) => resultOf(contentWrite, subject, 'cost', 'ns', opened[at]!.samples));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Containers and blobs at once. A round is one storm, whatever time it takes. */
function stormCase(runtime: 'process' | 'runc', containers: number, blobs: number): BenchCase {
  const name = `services/storm/${runtime}`;
  const open = async (sink: Sink): Promise<Running> => {
    const directory = await mkdtemp(join(tmpdir(), 'ringcast-bench-'));
    const services = await openServices({ directory, runtime });
    await services.importer.importArchive(Readable.from([await buildShellImage(IMAGE)]));
    // Unpacks the image.
    await (await services.containers.create({ image: IMAGE })).delete();
    let emitted = 0;
    return {
      async round() {
        const { events, durationMs } = await sink.run(() => storm(services, { containers, image: IMAGE, blobs }));
        // A storm begins with a container that it does not count: prepare, create, remove, delete.
        emitted += events + 4;
        return { rate: (events * 1000) / durationMs };
      },
      async close() {
        await services.close();
        await rm(directory, { recursive: true, force: true });
        await sink.close(emitted);
      },
    };
  };
  const subjects = ['ringcast', 'no-bus'].map((subject) => ({
    name: subject,
    open: async () => open(await sinks[subject]!(name)),
  }));
  const measured = inTurns(name, { rate: 'events/s' }, subjects);
  return {
    name,
    async run(plan) {
      const runs = runtime !== 'runc' || (findBusybox() !== undefined && (await RuncRuntime.isAvailable()));
      return runs ? measured.run(plan) : [];
    },
  };
}

export const cases: readonly BenchCase[] = [
  { name: contentWrite, run: measureContentWrite },
  stormCase('process', 10, 100),
  stormCase('runc', 8, 80),
];
