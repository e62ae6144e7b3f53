/**
 * Regular expressions in Go's syntax (RE2), matched in time linear in the text. The only importer of re2js.
 *
 * re2js is loaded when the first expression is compiled: its 260 kB cost a thread some 10 ms, which most have no use for.
 */
import { createRequire } from 'node:module';

/** Longest regular expression, in characters. */
export const MAX_REGULAR_EXPRESSION_LENGTH = 1024;

const require = createRequire(import.meta.url);
let engine: typeof import('re2js').RE2JS | undefined;

/**
 * Compiles a regular expression to an unanchored, case-sensitive search.
 *
 * @throws {SyntaxError} with Go's wording when it is malformed or over 1,024 characters
 */
export function compileRegularExpression(source: string): (text: string) => boolean {
  if (source.length > MAX_REGULAR_EXPRESSION_LENGTH) {
    throw new SyntaxError(`${source.length} characters, at most ${MAX_REGULAR_EXPRESSION_LENGTH} are allowed`);
  }
  engine ??= (require('re2js') as typeof import('re2js')).RE2JS;
  try {
    const expression = engine.compile(source);
    return (text) => expression.test(text);
  } catch (error) {
    throw new SyntaxError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
