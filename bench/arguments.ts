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
  /** Processes for each case, or with `inProcess` rounds in one; default 5 of a quick run, 9 of a full one. */
  readonly rounds: number | undefined;
  /** Take the results from there, and measure nothing. */
  readonly from: string | undefined;
  /** Write the results, the plots and the pages of the repository. */
  readonly record: boolean;
  /** Skip, with a line each, the cases that this version of the package cannot run. */
  readonly skipMissing: boolean;
  /** Measure in the process that runs, one case after the other: for profilers. */
  readonly inProcess: boolean;
  /** Node binaries to run on, in turns; empty: the one that runs. */
  readonly nodes: readonly string[];
}

export const BENCH_USAGE =
  'usage: npm run bench -- [--only REGEX] [--subject REGEX] [--quick] [--rounds N] [--json FILE] [--plots [DIR]] [--record] [--from FILE] [--skip-missing] [--in-process | --node PATH…]';
/** Where plots go without a folder of their own. */
const PLOTS = 'plots';
const ANYTHING = /(?:)/.source;

export function parseBenchArguments(args: readonly string[]): BenchArguments {
  const options = {
    only: { type: 'string' },
    subject: { type: 'string' },
    json: { type: 'string' },
    plots: { type: 'string' },
    quick: { type: 'boolean' },
    rounds: { type: 'string' },
    from: { type: 'string' },
    record: { type: 'boolean' },
    'skip-missing': { type: 'boolean' },
    'in-process': { type: 'boolean' },
    node: { type: 'string', multiple: true },
  } as const;
  // parseArgs has no options whose value may be missing.
  const given = args.flatMap((word, i) => (word === '--plots' && isOption(args[i + 1]) ? [word, PLOTS] : [word]));
  const { values, positionals } = usable(() => parseArgs({ args: given, options, allowPositionals: true }));
  // Behind a --node, more of them.
  if (positionals.length > 0 && values.node === undefined) throw new UsageError(`${positionals[0]} is no option`);
  if (values.record && (values.only ?? values.subject) !== undefined) {
    throw new UsageError('--record is for a run of all cases and subjects, without --only and --subject');
  }
  if (values['in-process'] && values.node !== undefined) {
    throw new UsageError('--in-process measures on the Node that runs, --node in processes of others');
  }
  const measures =
    values.only ?? values.subject ?? values.quick ?? values.rounds ?? values.node ?? values['in-process'];
  if (values.from !== undefined && measures) {
    throw new UsageError('--from measures nothing: it goes with --plots, --record and --json');
  }
  return {
    only: pattern('--only', values.only),
    subject: pattern('--subject', values.subject),
    json: values.json,
    plots: values.plots,
    quick: values.quick ?? false,
    rounds: values.rounds === undefined ? undefined : wholeNumber('--rounds', values.rounds, 1),
    from: values.from,
    record: values.record ?? false,
    skipMissing: values['skip-missing'] ?? false,
    inProcess: values['in-process'] ?? false,
    nodes: [...(values.node ?? []), ...positionals],
  };
}

/** The command that measures the same; where its results go is nobody's affair. */
export function commandOf(args: BenchArguments, nodeVersions: readonly string[]): string {
  const { only, subject, quick, rounds, skipMissing, inProcess } = args;
  const words = [
    ...(only.source === ANYTHING ? [] : ['--only', only.source]),
    ...(subject.source === ANYTHING ? [] : ['--subject', subject.source]),
    ...(quick ? ['--quick'] : []),
    ...(rounds === undefined ? [] : ['--rounds', rounds]),
    ...(skipMissing ? ['--skip-missing'] : []),
    ...(inProcess ? ['--in-process'] : []),
    ...(nodeVersions.length === 0 ? [] : ['--node', ...nodeVersions]),
  ];
  return `npm run bench${words.length === 0 ? '' : ` -- ${words.join(' ')}`}`;
}

export interface CompareArguments {
  readonly base: string;
  readonly head: string;
  readonly only: string;
  readonly rounds: number;
}

/** Two files of results, to be held against each other. */
export interface AgreeArguments {
  readonly files: readonly [base: string, head: string];
  readonly only: RegExp;
  /** How far apart two figures may be, as a share. */
  readonly within: number;
}

export const COMPARE_USAGE = `usage: npm run bench:compare -- BASE [HEAD] [--only REGEX] [--rounds N]
       npm run bench:compare -- BASE.json HEAD.json [--only REGEX] [--within PERCENT]`;
const WITHIN_PERCENT = 15;
/** Two times five is the least from which a rank test can conclude anything. */
const MIN_ROUNDS = 5;

export function parseCompareArguments(args: readonly string[]): CompareArguments | AgreeArguments {
  const options = { only: { type: 'string' }, rounds: { type: 'string' }, within: { type: 'string' } } as const;
  const { values, positionals } = usable(() => parseArgs({ args: [...args], options, allowPositionals: true }));
  const [base, head = 'HEAD', ...rest] = positionals;
  if (base === undefined || rest.length > 0) throw new UsageError('give one commit to compare with, or two');
  if (base.endsWith('.json')) {
    if (!head.endsWith('.json')) throw new UsageError('give two files of results');
    if (values.rounds !== undefined)
      throw new UsageError('--rounds is for commits: files have the rounds that they have');
    const percent = wholeNumber('--within', values.within ?? String(WITHIN_PERCENT), 0);
    return { files: [base, head], only: pattern('--only', values.only), within: percent / 100 };
  }
  if (values.within !== undefined) throw new UsageError('--within is for two files of results');
  const rounds = wholeNumber('--rounds', values.rounds ?? String(MIN_ROUNDS), MIN_ROUNDS);
  pattern('--only', values.only);
  return { base, head, only: values.only ?? '', rounds };
}

function isOption(word: string | undefined): boolean {
  return word === undefined || word.startsWith('--');
}

function wholeNumber(option: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least) {
    throw new UsageError(`${option} is a whole number from ${least} on, not ${text}`);
  }
  return value;
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
