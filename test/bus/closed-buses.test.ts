import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runProgram } from '../support/child-process.js';
import { size } from '../support/full.js';

/** Makes, uses and closes buses, and prints the memory of the process after a collection, in MiB. */
const program = (subscribe: string, buses: number): string => `
  import { setFlagsFromString } from 'node:v8';
  import { runInNewContext } from 'node:vm';
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  for (let i = 0; i < ${buses}; i++) {
    const bus = createBus();
    ${subscribe}
    bus.publish('/a', { i });
    await bus.close();
  }
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  console.log(Math.round(process.memoryUsage.rss() / 2 ** 20));
`;

/** Those of a short run, too, would hold three times what is allowed. */
const BUSES = size(100, 400);

describe('buses that were closed', { timeout: 600_000 }, () => {
  const subscribers: readonly [name: string, source: string, buses: number][] = [
    ['handlers', `bus.subscribe('/a', () => {});`, BUSES],
    ['streams', `void (async () => { for await (const _ of bus.subscribe('/a')); })();`, BUSES],
  ];
  for (const [name, source, buses] of subscribers) {
    test(`leave no shared memory behind: ${buses} with ${name}`, async () => {
      const { output, errors } = await runProgram(program(source, buses));
      assert.equal(errors, '');
      // The process itself takes some 60 MiB; each bus has 8 MiB.
      assert.ok(Number(output) > 0 && Number(output) < 250, `${output.trim()} MiB`);
    });
  }
});
