/** The tokens of a .proto file, blanks and comments among them (put together, they are the file), and a cursor over them. */

import { CodegenError } from '../../errors.js';

export interface Token {
  readonly kind: 'blank' | 'string' | 'name' | 'number' | 'sign';
  readonly text: string;
  readonly line: number;
  /** What stands for it in the mended text. */
  output: string;
}

const PATTERN =
  /(\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/)|("(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*')|([A-Za-z_][A-Za-z0-9_]*)|(\.?[0-9](?:[eE][+-]|[A-Za-z0-9_.])*)|([\s\S])/gy;

/** @throws {CodegenError} for a string or a comment that never ends, or a character that is in no .proto file */
export function tokenize(file: string, source: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  for (const [text, blank, string, name, number] of source.matchAll(PATTERN)) {
    const kind = blank ? 'blank' : string ? 'string' : name ? 'name' : number ? 'number' : 'sign';
    if (kind === 'sign' && !/[{}[\]()<>=;:,.+\-/]/.test(text)) {
      const what = /["']/.test(text) ? 'a string never ends' : `illegal token '${text}'`;
      throw new CodegenError(`${file}: ${what} (line ${line})`);
    }
    tokens.push({ kind, text, line, output: kind === 'name' ? safeName(text) : text });
    line += text.split('\n').length - 1;
  }
  return tokens;
}

const ESCAPES: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13 };

/** The bytes that a string literal, quotes included, stands for. */
export function stringBytes(literal: string): Buffer {
  const parts: Buffer[] = [];
  const pattern = /\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]))|[^\\]+/g;
  for (const [text, octal, hex, short, long, letter] of literal.slice(1, -1).matchAll(pattern)) {
    if (octal !== undefined) parts.push(Buffer.of(Number.parseInt(octal, 8)));
    else if (hex !== undefined) parts.push(Buffer.of(Number.parseInt(hex, 16)));
    else if (short ?? long) parts.push(Buffer.from(String.fromCodePoint(Number.parseInt(short ?? long!, 16))));
    else if (letter !== undefined) parts.push(letter in ESCAPES ? Buffer.of(ESCAPES[letter]!) : Buffer.from(letter));
    else parts.push(Buffer.from(text));
  }
  return Buffer.concat(parts);
}

const MANGLED = 'ringcast_own_';

/** What stands for a name in the mended text: another name where every object has a property of that name. */
export function safeName(name: string): string {
  return name in Object.prototype ? MANGLED + name : name;
}

/** The name that a name in the mended text stands for. */
export function originalName(name: string): string {
  return name.replaceAll(MANGLED, '');
}

/** A place in the tokens of a file. */
export class TokenCursor {
  readonly tokens: Token[];
  /** Index of the token that is looked at next. */
  at = 0;

  constructor(tokens: Token[]) {
    this.tokens = tokens;
  }

  /** The next token that means something; comments and blanks are passed over. */
  peek(): Token | undefined {
    while (this.tokens[this.at]?.kind === 'blank') this.at++;
    return this.tokens[this.at];
  }

  next(): Token | undefined {
    const token = this.peek();
    if (token !== undefined) this.at++;
    return token;
  }

  /** Goes past `text` where it is next. */
  take(text: string): void {
    if (this.peek()?.text === text) this.at++;
  }

  /** Goes past the first of `ends` outside of brackets; returns it. */
  skipTo(ends: readonly string[]): string | undefined {
    let depth = 0;
    for (let token = this.next(); token !== undefined; token = this.next()) {
      if (depth === 0 && ends.includes(token.text)) return token.text;
      if (/^[{[(]$/.test(token.text)) depth++;
      else if (/^[}\])]$/.test(token.text)) depth--;
    }
    return undefined;
  }

  /** Takes tokens out of the text; line ends stay. */
  blank(from: number, to: number): void {
    for (let index = from; index < to; index++) {
      const token = this.tokens[index]!;
      token.output = token.output.replace(/[^\n]/g, '');
    }
  }
}
