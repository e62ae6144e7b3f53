/**
 * What emission costs the operations that emit, and how many events a second real work makes.
 *
 *     node dist/bench/services.js [--quick]
 *
 * `services/content-write`: durable writes with a bus in context and without, in turns, in one process; the writes'
 * order is swapped from round to round. `services/storm`: containers and blobs at once.
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

const CONCURRENCY = 4;
const BLOB_BYTES = 256;

async function measureContentWrite(directory: string, rounds: number, writesPerRound: number): Promise<Result[]> {
  const bus = createBus();
  let received = 0;
  bus.subscribe('/service/content/**', () => {
    received++;
  });
  const store = await ContentStore.open(directory);
  let serial = 0;
  const round = async () => {
    const startedAt = performance.now();
    const lane = async () => {
      for (let write = 0; write < writesPerRound / CONCURRENCY; write++) {
        await store.write(Buffer.alloc(BLOB_BYTES, `blob ${serial++} `));
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, lane));
    return ((performance.now() - startedAt) * 1000) / writesPerRound;
  };
  const withBus = () => runWithEmitter(bus.emitter(), round);
  const samples = { bus: [] as number[], none: [] as number[] };
  await round();
  for (let at = 0; at < rounds; at++) {
    for (const subject of at % 2 === 0 ? (['bus', 'none'] as const) : (['none', 'bus'] as const)) {
      samples[subject].push(await (subject === 'bus' ? withBus() : round()));
    }
  }
  await bus.close();
  if (received !== rounds * writesPerRound) throw new Error(`${received} of ${rounds * writesPerRound} events arrived`);
  const result = (subject: string, each: number[]) => summary('services/content-write', subject, 'µs per write', each);
  const ratios = samples.bus.map((bus, at) => bus / (samples.none[at] ?? Number.NaN));
  return [
    result('with a bus', samples.bus),
    result('without', samples.none),
    summary('services/content-write', 'with / without', 'ratio', ratios),
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
  const sorted = [...samples].sort((a, b) => a - b);
  return { case: name, subject, metric: 'median', value: sorted[sorted.length >> 1] ?? Number.NaN, unit, samples };
}

const quick = process.argv.includes('--quick');
const directory = await mkdtemp(join(tmpdir(), 'ringcast-bench-'));
try {
  const results = [
    ...(await measureContentWrite(join(directory, 'content'), quick ? 4 : 20, quick ? 200 : 500)),
    ...(await measureStorm(join(directory, 'services'), quick ? 2 : 5)),
  ];
  process.stdout.write(`${JSON.stringify({ results }, null, 2)}\n`);
} finally {
  await rm(directory, { recursive: true, force: true });
}
