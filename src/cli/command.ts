/** What a command of `ringcast` is made of, and how its arguments are read. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { UsageError } from './command-errors.js';

type Options = NonNullable<ParseArgsConfig['options']>;
type Values<T extends Options> = ReturnType<typeof parseArgs<{ options: T; allowPositionals: true }>>['values'];

/** A command as the entry calls it. */
export interface Command {
  /** @throws {UsageError} when the arguments make no sense */
  run(args: readonly string[]): Promise<void>;
}

interface CommandDefinition<T extends Options> {
  readonly name: string;
  readonly help: string;
  readonly options: T;
  run(values: Values<T>, operands: readonly string[]): Promise<void>;
}

/** Adds `--help` to a command, and reads its arguments. */
export function defineCommand<T extends Options>(definition: CommandDefinition<T>): Command {
  return {
    async run(args) {
      if (asksForHelp(args)) {
        process.stdout.write(definition.help);
        return;
      }
      const { values, positionals } = parse(definition, args);
      await definition.run(values, positionals);
    },
  };
}

/** Whether `--help` is among the arguments, whatever else is wrong with them. */
export function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return (end < 0 ? args : args.slice(0, end)).some((arg) => arg === '--help' || arg === '-h');
}

function parse<T extends Options>({ name, options }: CommandDefinition<T>, args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    // Its first sentence names the option; the rest is about "--".
    const [sentence] = (error as Error).message.split(/\. |\n/);
    const known = Object.keys(options).map((option) => `--${option}`);
    throw new UsageError(
      `${name}: ${sentence}`,
      `It takes ${[...known, '--help'].join(', ')}; see ringcast ${name} --help.`,
      { cause: error },
    );
  }
}

/** The one operand a command may have. */
export function onlyOperand(command: string, operands: readonly string[]): string | undefined {
  if (operands.length > 1) {
    throw new UsageError(
      `${command}: one file at most, got ${operands.length}: ${operands.join(' ')}`,
      'Filters are given with --filter; several files go through standard input: cat FILE… | ringcast events',
    );
  }
  return operands[0];
}
