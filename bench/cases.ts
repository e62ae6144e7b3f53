/** All cases, in the order in which they run. */
import { codecCases } from './cases/codec.js';
import { counterCases } from './cases/counters.js';
import { emitCases } from './cases/emit.js';
import { fanOutCases } from './cases/fan-out.js';
import { fieldCases } from './cases/field.js';
import { filterCases } from './cases/filter.js';
import { forwardAll } from './cases/forward-all.js';
import { latencyCases } from './cases/latency.js';
import { memoryCases } from './cases/memory.js';
import { publishCases } from './cases/publish.js';
import { publishNone } from './cases/publish-none.js';
import { serviceCases } from './cases/services.js';
import { startCases } from './cases/start.js';
import { importCases } from './cases/start-import.js';
import type { BenchCase } from './rounds.js';

export const cases: readonly BenchCase[] = [
  ...publishCases,
  publishNone,
  ...codecCases,
  ...emitCases,
  ...fanOutCases,
  forwardAll,
  ...filterCases,
  ...fieldCases,
  ...latencyCases,
  ...memoryCases,
  ...startCases,
  ...importCases,
  ...counterCases,
  ...serviceCases,
];
