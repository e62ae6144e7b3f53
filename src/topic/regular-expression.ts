/**
 * Regular expressions in Go's syntax (RE2), matched in time linear in the text. The only importer of re2js.
 *
 * re2js is loaded when the first expression is compiled: its 260 kB cost a thread some 10 ms, which most have no use for.
 */
import type { RE2JS } from 're2js';
import { requireDependency } from '../package-files.js';

/** Longest regular expression, in characters. */
const MAX_REGULAR_EXPRESSION_LENGTH = 1024;

/**
 * Largest program, in instructions; a repetition counts as often as it may repeat. One instruction and one kilobyte of text
 * cost up to 50 us together: this bounds a hopeless text of 1 kB to about 50 ms.
 */
const MAX_PROGRAM_INSTRUCTIONS = 1024;

let engine: typeof RE2JS | undefined;

/**
 * Compiles a regular expression to an unanchored, case-sensitive search.
 *
 * @throws {SyntaxError} with Go's wording when it is malformed; also over 1,024 characters or instructions
 */
export function compileRegularExpression(source: string): (text: string) => boolean {
  if (source.length > MAX_REGULAR_EXPRESSION_LENGTH) {
    throw new SyntaxError(`${source.length} characters, at most ${MAX_REGULAR_EXPRESSION_LENGTH} are allowed`);
  }
  engine ??= (requireDependency('re2js') as typeof import('re2js')).RE2JS;
  const expression = parse(engine, source);
  const instructions = expression.programSize();
  if (instructions > MAX_PROGRAM_INSTRUCTIONS) {
    throw new SyntaxError(`${instructions} instructions, at most ${MAX_PROGRAM_INSTRUCTIONS} are allowed; repeat less`);
  }
  return (text) => expression.test(text);
}

function parse(re2: typeof RE2JS, source: string): RE2JS {
  try {
    return re2.compile(source);
  } catch (error) {
    throw new SyntaxError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
