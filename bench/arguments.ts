/** The command lines of `bench` and `bench:compare`. */
import { parseArgs } from 'node:util';

/** A command line that cannot be used: one clear line, and exit code 2. */
export class UsageError extends Error {}

export interface BenchArguments {
  readonly only: RegExp;
  readonly subject: RegExp;
  readonly json: string | undefined;
  readonly plots: string | undefined;
  readonly quick: boolean;
  /** Write the results, the plots and the pages of the repository. */
  readonly record: boolean;
  /** Skip, with a line each, the cases that this version of the package cannot run. */
  readonly skipMissing: boolean;
  /** Node binaries to run on, in turns; empty: the one that runs. */
  readonly nodes: readonly string[];
}

export const BENCH_USAGE =
  'usage: npm run bench -- [--only REGEX] [--subject REGEX] [--quick] [--json FILE] [--plots DIR] [--record] [--skip-missing] [--node PATH…]';

export function parseBenchArguments(args: readonly string[]): BenchArguments {
  const options = {
    only: { type: 'string' },
    subject: { type: 'string' },
    json: { type: 'string' },
    plots: { type: 'string' },
    quick: { type: 'boolean' },
    record: { type: 'boolean' },
    'skip-missing': { type: 'boolean' },
    node: { type: 'string', multiple: true },
  } as const;
  const { values, positionals } = usable(() => parseArgs({ args: [...args], options, allowPositionals: true }));
  // Behind a --node, more of them.
  if (positionals.length > 0 && values.node === undefined) throw new UsageError(`${positionals[0]} is no option`);
  if (values.record && (values.only ?? values.subject) !== undefined) {
    throw new UsageError('--record is for a run of all cases and subjects, without --only and --subject');
  }
  return {
    only: pattern('--only', values.only),
    subject: pattern('--subject', values.subject),
    json: values.json,
    plots: values.plots,
    quick: values.quick ?? false,
    record: values.record ?? false,
    skipMissing: values['skip-missing'] ?? false,
    nodes: [...(values.node ?? []), ...positionals],
  };
}

export interface CompareArguments {
  readonly base: string;
  readonly head: string;
  readonly only: string;
  readonly rounds: number;
}

export const COMPARE_USAGE = 'usage: npm run bench:compare -- BASE [HEAD] [--only REGEX] [--rounds N]';
/** Two times five is the least from which a rank test can conclude anything. */
const MIN_ROUNDS = 5;

export function parseCompareArguments(args: readonly string[]): CompareArguments {
  const options = { only: { type: 'string' }, rounds: { type: 'string' } } as const;
  const { values, positionals } = usable(() => parseArgs({ args: [...args], options, allowPositionals: true }));
  const [base, head = 'HEAD', ...rest] = positionals;
  if (base === undefined || rest.length > 0) throw new UsageError('give one commit to compare with, or two');
  const rounds = Number(values.rounds ?? MIN_ROUNDS);
  if (!Number.isInteger(rounds) || rounds < MIN_ROUNDS) {
    throw new UsageError(`--rounds is a whole number from ${MIN_ROUNDS} on, not ${values.rounds}`);
  }
  pattern('--only', values.only);
  return { base, head, only: values.only ?? '', rounds };
}

function usable<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function pattern(option: string, text = ''): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw new UsageError(`${option}: ${(error as Error).message}`);
  }
}
