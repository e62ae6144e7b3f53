/** Filtering the recorded containerd stream: what the bus delivers is what the decoded events say. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { createBus, type Envelope, formatCtrLine } from '../../src/index.js';
import { size } from '../support/full.js';

const EXPRESSIONS = size(50, 150);

function fixture(name: string): Buffer {
  return readFileSync(fileURLToPath(new URL(`../../../test/fixtures/containerd-1.6.20/${name}`, import.meta.url)));
}

/** The envelopes of the stream: each after its length, which takes one byte or two. */
function recordedEnvelopes(): Uint8Array[] {
  const stream = fixture('envelopes.binpb');
  const envelopes: Uint8Array[] = [];
  for (let at = 0; at < stream.length; ) {
    let length = stream[at++]!;
    if (length > 127) length = (length & 127) + stream[at++]! * 128;
    envelopes.push(stream.subarray(at, at + length));
    at += length;
  }
  return envelopes;
}

/** One comparison, and what it says of a field of a decoded event, which has no such field where that is undefined. */
interface Comparison {
  readonly text: string;
  readonly holds: (value: unknown) => boolean;
}

type Value = string | number | boolean;

const isSet = (value: unknown): boolean => value !== undefined && value !== '' && value !== 0 && value !== false;

function comparisons(operands: readonly Value[]): fc.Arbitrary<Comparison> {
  return fc
    .record({ operand: fc.constantFrom(...operands), operator: fc.constantFrom('', '==', '!=', '<', '>=', '~=') })
    .map(({ operand, operator }): Comparison => {
      const text = operator === '' ? '' : `${operator}${JSON.stringify(String(operand))}`;
      const known = (holds: (value: Value) => boolean) => (value: unknown) =>
        value !== undefined && holds(value as Value);
      switch (operator) {
        case '':
          return { text, holds: isSet };
        case '==':
          return { text, holds: (value) => value === operand };
        case '!=':
          return { text, holds: (value) => value !== operand };
        case '<':
          return { text, holds: known((value) => value < operand) };
        case '>=':
          return { text, holds: known((value) => value >= operand) };
        default: {
          const source = String(operand).slice(0, 3).replaceAll('.', '\\.');
          return {
            text: `~=${JSON.stringify(source)}`,
            holds: known((value) => new RegExp(source).test(String(value))),
          };
        }
      }
    });
}

/** One selector of an expression, and what it says of a received envelope. */
interface Selector {
  readonly text: string;
  readonly holds: (envelope: Envelope) => boolean;
}

/** A way into a decoded event: all properties have one type each. */
type Reads = (event: Record<string, never>) => unknown;

const seconds = ({ timestamp }: Envelope): number => Number(timestamp / 1_000_000_000n);
const ids = ['ok-default', 'long-default', 'ok-prod', 'fail', 'oom'];

const fields: readonly [path: string, read: Reads, operands: readonly Value[]][] = [
  ['container_id', (event) => event.containerId, ids],
  ['containerId', (event) => event.containerId, ids],
  ['id', (event) => event.id, ['', ...ids]],
  ['exit_status', (event) => event.exitStatus, [0, 1, 137, 255]],
  ['pid', (event) => event.pid, [0, 19_844, 20_500]],
  ['image', (event) => event.image, ['example.test/busybox:latest', 'x']],
  ['name', (event) => event.name, ['example.test/busybox:latest', 'prod', 'sha256:']],
  ['labels.tier', (event) => (event.labels as { tier?: unknown } | undefined)?.tier, ['gold', 'x']],
  ['labels.env', (event) => (event.labels as { env?: unknown } | undefined)?.env, ['prod', 'prod,tier=1']],
  ['runtime.name', (event) => (event.runtime as { name: unknown } | undefined)?.name, ['io.containerd.runc.v2', 'x']],
  ['io.terminal', (event) => (event.io as { terminal: unknown } | undefined)?.terminal, [false, true]],
  ['exited_at.seconds', (event) => (event.exitedAt as { seconds: unknown } | undefined)?.seconds, [0, 1_795_449_380]],
  ['key', (event) => event.key, ['ok-default', 'extract-']],
  ['nosuch', () => undefined, ['x']],
];

const selectors: fc.Arbitrary<Selector> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(...fields).chain(([path, read, operands]) =>
      comparisons(operands).map(({ text, holds }) => ({
        text: `event.${path}${text}`,
        holds: ({ event }: Envelope) => holds(read(event as Record<string, never>)),
      })),
    ),
  },
  {
    weight: 3,
    arbitrary: comparisons(['/tasks/exit', '/tasks/delete', '/containers/create', '/images/update']).map(
      ({ text, holds }) => ({ text: `topic${text}`, holds: ({ topic }: Envelope) => holds(topic) }),
    ),
  },
  {
    weight: 2,
    arbitrary: comparisons(['default', 'k8s.io', 'prod']).map(({ text, holds }) => ({
      text: `namespace${text}`,
      holds: ({ namespace }: Envelope) => holds(namespace),
    })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom('<', '>='), fc.integer({ min: 0, max: 60 })).map(([operator, after]) => {
      const from = 1_795_449_370 + after;
      return {
        text: `timestamp${operator}${from}`,
        holds: (envelope: Envelope) => seconds(envelope) < from === (operator === '<'),
      };
    }),
  },
);

/** A filter: some expressions, each of some selectors. */
const filters = fc.array(fc.array(selectors, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 2 });

describe('the recorded stream', { timeout: 600_000 }, () => {
  test(`filtered by ${EXPRESSIONS} generated expressions gives the lines that the decoded events give`, async (t) => {
    const seed = Date.now() | 0;
    t.diagnostic(`seed ${seed}`);
    const generated = fc.sample(filters, { numRuns: EXPRESSIONS, seed });
    await using bus = createBus();
    const all: Envelope[] = [];
    bus.subscribe('', (envelope) => void all.push(envelope.detach()));
    const got = generated.map((expressions) => {
      const sequences: number[] = [];
      const filter = expressions.map((expression) => expression.map(({ text }) => text).join(','));
      bus.subscribe(filter, ({ sequence }) => void sequences.push(sequence));
      return { filter, sequences };
    });
    for (const envelope of recordedEnvelopes()) if (!bus.forward(envelope)) await bus.writable();
    await bus.close({ drainTimeoutMs: Number.POSITIVE_INFINITY });

    const lines = all.map((envelope) => formatCtrLine(envelope));
    assert.deepEqual(lines, fixture('ctr-events.txt').toString().trimEnd().split('\n'));
    let selected = 0;
    for (const [i, { filter, sequences }] of got.entries()) {
      const wanted = (envelope: Envelope): boolean =>
        generated[i]!.some((expression) => expression.every(({ holds }) => holds(envelope)));
      const expected = lines.filter((_, line) => wanted(all[line]!));
      assert.deepEqual(
        sequences.map((sequence) => lines[sequence]),
        expected,
        `${JSON.stringify(filter)}, seed ${seed}`,
      );
      if (expected.length > 0 && expected.length < all.length) selected++;
    }
    assert.ok(selected > EXPRESSIONS / 3, `${selected} filters selected some events and not all`);
  });
});
