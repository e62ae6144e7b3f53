/**
 * Splits a filter expression into tokens, as containerd's scanner does (pkg/filters/scanner.go), quirks included: after an
 * operator any graphic run is a value, "/" and "|" are quotes, "=", "!" and "~" join to one operator.
 *
 * Ours: "<", "<=", ">" and ">=" are operators where containerd has none. Positions are in UTF-16 units, there in bytes.
 */

type TokenKind = 'field' | 'operator' | 'value' | 'separator' | 'quoted' | 'illegal' | 'other' | 'end';

export interface Token {
  readonly kind: TokenKind;
  readonly position: number;
  /** As written, quotes included; for `illegal` the fault in words. */
  readonly text: string;
}

const WHITE_SPACE = /[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;
const FIELD_CHARACTER = /[A-Za-z0-9_]/;
const QUOTE = /["/|]/;
const VALUE_CHARACTER = /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u;
const OPERATOR_START = /[=!~]/;
const ORDER_START = /[<>]/;
const SIMPLE_ESCAPES = 'abfnrtv\\';
/** Digits of the escapes that name a character by number, and their base. */
const NUMERIC_ESCAPES: Readonly<Record<string, { digits: RegExp; count: number }>> = {
  x: { digits: /[0-9A-Fa-f]/, count: 2 },
  u: { digits: /[0-9A-Fa-f]/, count: 4 },
  U: { digits: /[0-9A-Fa-f]/, count: 8 },
};
const OCTAL_DIGIT = /[0-7]/;

export class ExpressionScanner {
  readonly #input: string;
  #at = 0;
  #wantsValue = false;

  constructor(input: string) {
    this.#input = input;
  }

  /** Where the last token ended. */
  get position(): number {
    return this.#at;
  }

  /** The next character, white space included; empty at the end. */
  peek(): string {
    const code = this.#input.codePointAt(this.#at);
    return code === undefined ? '' : String.fromCodePoint(code);
  }

  scan(): Token {
    while (WHITE_SPACE.test(this.peek())) this.#at++;
    const position = this.#at;
    const first = this.#next();
    const token = (kind: TokenKind): Token => ({ kind, position, text: this.#input.slice(position, this.#at) });

    if (first === '') return token('end');
    if (isIllegal(first)) return { kind: 'illegal', position, text: first === '\0' ? 'unexpected null' : 'rune error' };
    if (QUOTE.test(first)) {
      const fault = this.#skipQuoted(first);
      return fault === undefined ? token('quoted') : { kind: 'illegal', position, text: fault };
    }
    if (first === ',' || first === '.') {
      this.#wantsValue = false;
      return token('separator');
    }
    if (OPERATOR_START.test(first) || (ORDER_START.test(first) && !this.#wantsValue)) {
      this.#skipWhile(OPERATOR_START.test(first) ? OPERATOR_START : /[=!~<>]/);
      this.#wantsValue = true;
      return token('operator');
    }
    if (this.#wantsValue) {
      this.#skipWhile(VALUE_CHARACTER, ',');
      this.#wantsValue = false;
      return token('value');
    }
    if (!FIELD_CHARACTER.test(first)) return token('other');
    this.#skipWhile(FIELD_CHARACTER);
    return token('field');
  }

  #next(): string {
    const character = this.peek();
    this.#at += character.length;
    return character;
  }

  #skipWhile(accepted: RegExp, stop = ''): void {
    for (;;) {
      const character = this.peek();
      if (character === '' || character === stop || isIllegal(character) || !accepted.test(character)) return;
      this.#at += character.length;
    }
  }

  /** Skips to behind the closing quote. @returns what is wrong in between */
  #skipQuoted(quote: string): string | undefined {
    let fault: string | undefined;
    for (;;) {
      const character = this.#next();
      if (character === '\\') {
        fault = this.#skipEscape(quote) ?? fault;
        continue;
      }
      if (character === quote) return fault;
      if (character === '' || character === '\n' || isIllegal(character)) return 'quoted literal not terminated';
    }
  }

  #skipEscape(quote: string): string | undefined {
    const character = this.peek();
    const numeric = NUMERIC_ESCAPES[character];
    if (character === quote || (character !== '' && SIMPLE_ESCAPES.includes(character))) {
      this.#at++;
      return undefined;
    }
    if (numeric === undefined && !OCTAL_DIGIT.test(character)) return 'illegal escape sequence';
    if (numeric !== undefined) this.#at++;
    const { digits, count } = numeric ?? { digits: OCTAL_DIGIT, count: 3 };
    for (let index = 0; index < count; index++) {
      if (!digits.test(this.peek())) return 'illegal numeric escape sequence';
      this.#at++;
    }
    return undefined;
  }
}

/** What containerd's scanner cannot read: NUL, and what is no Unicode text (there bad UTF-8, here a lone surrogate). */
function isIllegal(character: string): boolean {
  return character === '\0' || character === '\ufffd' || /^[\ud800-\udfff]$/.test(character);
}
