/** What the command makes of input that somebody damaged: a line and an exit code, never a stack or a hang. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { CommandLines } from '../support/command-lines.js';
import { size } from '../support/full.js';
import { runCommand } from '../support/run-command.js';
import { Dice } from '../torture/payload.js';

const recorded = readFileSync(new URL('../../../test/fixtures/containerd-1.6.20/envelopes.binpb', import.meta.url));
const INPUTS = size(4, 12);
/** A few dozen envelopes: enough to be in the middle of one. */
const INPUT_BYTES = 8_192;

describe('ringcast events, given damaged input', () => {
  const seed = Number(process.env.FUZZ_SEED ?? Date.now() & 0x7fffffff);

  const commands = new CommandLines();
  after(() => commands.close());

  test(`prints what is whole, says in one line what is not, and ends (seed ${seed})`, {
    timeout: 600_000,
  }, async () => {
    const dice = new Dice(seed);
    let refused = 0;
    for (let i = 0; i < INPUTS; i++) {
      const input = Buffer.from(recorded.subarray(0, INPUT_BYTES));
      const changes = 1 + dice.roll(8);
      for (let change = 0; change < changes; change++) input[dice.roll(input.length)] = dice.roll(256);
      const read = [input.subarray(0, 1 + dice.roll(input.length))];
      // The first ends its own process. To start one for each would take longer than all that they do.
      const { exitCode, stdout, stderr } =
        i === 0 ? await runCommand(['events', '-'], read) : await commands.runWith({ input: read }, 'events', '-');
      assert.ok(exitCode === 0 || exitCode === 1, `exit code ${exitCode}: ${stderr}`);
      for (const line of stderr.split('\n').slice(0, -1)) assert.match(line, /^ringcast: /);
      for (const line of stdout.split('\n').slice(0, -1)) assert.match(line, /^\S+ \S+ [+]0000 UTC \S+ \/\S+ /);
      if (exitCode === 1) refused++;
    }
    assert.ok(refused > 0, 'some of the input was refused');
  });
});
