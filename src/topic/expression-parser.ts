/**
 * Parses filter expressions: containerd's grammar (pkg/filters/parser.go) and four operators more.
 *
 *     expression := selector ("," selector)*        all of them hold
 *     selector   := path (operator value)?          without operator: the field is present
 *     path       := field ("." field)*
 *     field      := [A-Za-z0-9_]+ | quoted
 *     operator   := "==" | "!=" | "~=" | "<" | "<=" | ">" | ">="
 *     value      := run of graphic characters without "," | quoted
 *     quoted     := '"' … '"', after "~=" also "/" … "/" and "|" … "|"
 *
 * Inside quotes Go's escapes hold: \a \b \f \n \r \t \v \\ \xHH \ooo \uHHHH \UHHHHHHHH and the quote itself. White space is
 * allowed before a field and around an operator, not behind a value. The messages of errors up to the ";" are containerd's;
 * what follows is how to write it.
 */
import { InvalidFilterError } from '../errors.js';
import type { FieldOperator } from './condition.js';
import { suggestMend } from './expression-mend.js';
import { ExpressionScanner, type Token } from './expression-scanner.js';

/** Longest filter expression, in characters. */
const MAX_EXPRESSION_LENGTH = 4096;

/** One selector of an expression. */
export interface ParsedSelector {
  readonly path: readonly string[];
  readonly operator: FieldOperator;
  /** Unquoted; empty for `present`. */
  readonly operand: string;
  /** Where the operand starts in the expression. */
  readonly operandPosition: number;
}

const OPERATORS: ReadonlySet<string> = new Set(['==', '!=', '~=', '<', '<=', '>', '>=']);
const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/**
 * Parses an expression; the empty one has no selectors.
 *
 * @throws {InvalidFilterError} `BUS_INVALID_FILTER` with the place and, where it can be told, the mend
 */
export function parseExpression(expression: string): ParsedSelector[] {
  if (expression === '') return [];
  if (expression.length > MAX_EXPRESSION_LENGTH) {
    throw new InvalidFilterError(
      expression,
      `${expression.length} characters, at most ${MAX_EXPRESSION_LENGTH} are allowed`,
    );
  }
  return new ExpressionParser(expression).parse();
}

class ExpressionParser {
  readonly #input: string;
  readonly #scanner: ExpressionScanner;

  constructor(input: string) {
    this.#input = input;
    this.#scanner = new ExpressionScanner(input);
  }

  parse(): ParsedSelector[] {
    const selectors = [this.#selector()];
    for (;;) {
      const next = this.#scanner.peek();
      if (next === '') return selectors;
      if (next !== ',') this.#refuse(this.#scanner.position, `unexpected input: ${next}`);
      this.#scanner.scan();
      selectors.push(this.#selector());
    }
  }

  #selector(): ParsedSelector {
    const path = this.#path();
    const next = this.#scanner.peek();
    if (next === '' || next === ',') return { path, operator: 'present', operand: '', operandPosition: 0 };
    const operator = this.#operator();
    const token = this.#scanner.scan();
    return { path, operator, operand: this.#value(token, operator), operandPosition: token.position };
  }

  #path(): string[] {
    const path = [this.#field()];
    while (this.#scanner.peek() === '.') {
      this.#scanner.scan();
      path.push(this.#field());
    }
    return path;
  }

  #field(): string {
    const token = this.#scanner.scan();
    if (token.kind === 'field') return token.text;
    if (token.kind === 'quoted') return this.#unquote(token, false);
    this.#refuse(token.position, token.kind === 'illegal' ? token.text : 'expected field or quoted');
  }

  #operator(): FieldOperator {
    const { kind, text, position } = this.#scanner.scan();
    if (kind === 'operator') {
      if (isOperator(text)) return text;
      this.#refuse(position, `unsupported operator ${JSON.stringify(text)}`);
    }
    this.#refuse(position, kind === 'illegal' ? text : 'expected an operator ("=="|"!="|"~=")');
  }

  #value(token: Token, operator: FieldOperator): string {
    if (token.kind === 'value' || token.kind === 'field') return token.text;
    if (token.kind === 'quoted') return this.#unquote(token, operator === '~=');
    this.#refuse(token.position, token.kind === 'illegal' ? token.text : 'expected value or quoted');
  }

  #unquote({ text, position }: Token, anyQuote: boolean): string {
    if (!anyQuote && text[0] !== '"') this.#refuse(position, 'invalid quote encountered');
    const unquoted = unquote(text.slice(1, -1));
    if (unquoted === undefined) this.#refuse(position, 'unquoting failed: invalid syntax');
    return unquoted;
  }

  #refuse(position: number, fault: string): never {
    const input = this.#input;
    const character = String.fromCodePoint(input.codePointAt(position) ?? 0);
    const place =
      position < input.length
        ? `${input.slice(0, position)} >|${character}|< ${input.slice(position + character.length)}`
        : input;
    const mend = suggestMend(input, position, fault);
    const reason = `filters: parse error: [${place}]: ${fault}${mend === undefined ? '' : `; ${mend}`}`;
    throw new InvalidFilterError(input, reason, position);
  }
}

function isOperator(text: string): text is FieldOperator {
  return OPERATORS.has(text);
}

/** What stands between quotes, its escapes resolved; undefined when they name no Unicode text. */
function unquote(quoted: string): string | undefined {
  if (!quoted.includes('\\')) return quoted;
  // \xHH and \ooo name bytes, and several of them may make up one character.
  const bytes: Uint8Array[] = [];
  const piece = /\\(?:x([0-9A-Fa-f]{2})|([0-7]{3})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))|[^\\]+/gsu;
  for (const [plain, byte, octal, short, long, simple] of quoted.matchAll(piece)) {
    const code = Number.parseInt(byte ?? octal ?? short ?? long ?? '', octal === undefined ? 16 : 8);
    if (byte !== undefined || octal !== undefined) {
      if (code > 0xff) return undefined;
      bytes.push(Uint8Array.of(code));
    } else if (short !== undefined || long !== undefined) {
      if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return undefined;
      bytes.push(Buffer.from(String.fromCodePoint(code)));
    } else {
      bytes.push(Buffer.from(simple === undefined ? plain : (SIMPLE_ESCAPES[simple] ?? simple)));
    }
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(bytes));
  } catch {
    return undefined;
  }
}
