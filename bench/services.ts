/**
 * What emission costs the operations that emit, and how many events a second real work makes.
 *
 *     node dist/bench/services.js [--quick]
 *
 * `services/content-write`: durable writes, one with a bus in context, one without, in turns and in changing order; a
 * sample is the median of a round. `services/storm`: containers and blobs at once.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createBus, runWithEmitter } from '../src/index.js';
import { buildShellImage, ContentStore, openServices, storm } from '../src/services/index.js';

interface Result {
  case: string;
  subject: string;
  metric: string;
  value: number;
  unit: string;
  samples: number[];
}

const BLOB_BYTES = 256;

async function measureContentWrite(directory: string, rounds: number, pairsPerRound: number): Promise<Result[]> {
  const bus = createBus();
  let received = 0;
  bus.subscribe('/service/content/**', () => {
    received++;
  });
  const emitter = bus.emitter();
  const store = await ContentStore.open(directory);
  let serial = 0;
  const write = () => store.write(Buffer.alloc(BLOB_BYTES, `blob ${serial++} `));
  const timed = async (operation: () => Promise<unknown>) => {
    const startedAt = performance.now();
    await operation();
    return (performance.now() - startedAt) * 1000;
  };
  const medians = { bus: [] as number[], none: [] as number[], ratio: [] as number[] };
  for (let at = 0; at < 100; at++) await write();
  for (let round = 0; round < rounds; round++) {
    const samples = { bus: [] as number[], none: [] as number[] };
    for (let pair = 0; pair < pairsPerRound; pair++) {
      for (const subject of pair % 2 === 0 ? (['bus', 'none'] as const) : (['none', 'bus'] as const)) {
        samples[subject].push(await timed(subject === 'bus' ? () => runWithEmitter(emitter, write) : write));
      }
    }
    const [bus, none] = [median(samples.bus), median(samples.none)];
    medians.bus.push(bus);
    medians.none.push(none);
    medians.ratio.push(bus / none);
  }
  await bus.close();
  if (received !== rounds * pairsPerRound) throw new Error(`${received} of ${rounds * pairsPerRound} events arrived`);
  const name = 'services/content-write';
  return [
    summary(name, 'with a bus', 'µs per write', medians.bus),
    summary(name, 'without', 'µs per write', medians.none),
    summary(name, 'with / without', 'ratio', medians.ratio),
  ];
}

async function measureStorm(directory: string, rounds: number): Promise<Result[]> {
  const bus = createBus();
  let received = 0;
  bus.subscribe('/service/**', () => {
    received++;
  });
  const rates: number[] = [];
  let expected = 0;
  await runWithEmitter(bus.emitter(), async () => {
    const services = await openServices({ directory });
    const [image] = await services.importer.importArchive(Readable.from([await buildShellImage('bench.test/shell:1')]));
    if (!image) throw new Error('the image was not imported');
    await (await services.containers.create({ image: image.name })).delete();
    for (let at = 0; at < rounds; at++) {
      const { events, durationMs } = await storm(services, { containers: 40, image: image.name, blobs: 400 });
      rates.push((events * 1000) / durationMs);
      // And the container that storm begins with: prepare, create, remove, delete.
      expected += events + 4;
    }
    await services.close();
  });
  await bus.close();
  // Before the storms: three blobs, a name, prepare and commit of a layer, and a container created and deleted.
  if (received !== expected + 10) throw new Error(`${received} of ${expected + 10} events arrived`);
  return [summary('services/storm', 'process', 'events/s', rates)];
}

function summary(name: string, subject: string, unit: string, samples: number[]): Result {
  return { case: name, subject, metric: 'median', value: median(samples), unit, samples };
}

function median(samples: readonly number[]): number {
  return [...samples].sort((a, b) => a - b)[samples.length >> 1] ?? Number.NaN;
}

const quick = process.argv.includes('--quick');
const directory = await mkdtemp(join(tmpdir(), 'ringcast-bench-'));
try {
  const results = [
    ...(await measureContentWrite(join(directory, 'content'), quick ? 5 : 20, quick ? 100 : 250)),
    ...(await measureStorm(join(directory, 'services'), quick ? 2 : 5)),
  ];
  process.stdout.write(`${JSON.stringify({ results }, null, 2)}\n`);
} finally {
  await rm(directory, { recursive: true, force: true });
}
