/** The tokens of a .proto file, blanks and comments among them: put together, they are the file. Refuses what protoc's refuses. */

import { CodegenError } from '../../../errors.js';

export interface Token {
  readonly kind: 'blank' | 'string' | 'name' | 'number' | 'sign';
  readonly text: string;
  readonly line: number;
  /** What stands for it in the mended text. */
  output: string;
}

const PATTERN =
  /([ \t\r\n\v\f]+|\/\/[^\n]*|\/\*[\s\S]*?\*\/)|("(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*')|([A-Za-z_][A-Za-z0-9_]*)|(\.?[0-9](?:[eE][+-]|[A-Za-z0-9_.])*)|([\s\S])/gy;

const NUMBER =
  /^(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*|(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)$/;

const STRING =
  /^.(?:[^\\\n\0]|\\(?:[abfnrtv\\?'"]|[0-7]|[xX][0-9a-fA-F]|u[0-9a-fA-F]{4}|U00(?:0|1)[0-9a-fA-F]{5}))*.$/s;

/** @throws {CodegenError} for what is in no .proto file: a string or a comment that never ends, a number with letters behind it */
export function tokenize(file: string, source: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  for (const [text, blank, string, name, number] of source.matchAll(PATTERN)) {
    const kind = blank ? 'blank' : string ? 'string' : name ? 'name' : number ? 'number' : 'sign';
    const fault = faultOf(kind, text);
    if (fault !== undefined) throw new CodegenError(`${file}: ${fault} (line ${line})`);
    tokens.push({ kind, text, line, output: kind === 'name' ? safeName(text) : text });
    line += text.split('\n').length - 1;
  }
  return tokens;
}

function faultOf(kind: Token['kind'], text: string): string | undefined {
  switch (kind) {
    case 'blank':
      if (text.startsWith('/*') && text.includes('/*', 2)) return 'a block comment begins inside another';
      return text.includes('\0') ? 'a comment holds a NUL' : undefined;
    case 'string':
      return STRING.test(text) ? undefined : `a string holds what it cannot: ${JSON.stringify(text.slice(1, -1))}`;
    case 'number':
      return NUMBER.test(text) ? undefined : `illegal number '${text}'`;
    case 'sign':
      // The last one is for comments in the values of options.
      if (/[{}[\]()<>=;:,.+\-/#]/.test(text)) return undefined;
      return /["']/.test(text) ? 'a string never ends' : `illegal token '${text}'`;
    case 'name':
      return undefined;
  }
}

/** The value of an integer literal; undefined for other numbers. */
export function integerOf(text: string): bigint | undefined {
  if (!/^(?:0[xX][0-9a-fA-F]+|[0-9]+)$/.test(text)) return undefined;
  return BigInt(/^0[0-9]/.test(text) ? `0o${text.slice(1)}` : text);
}

const ESCAPES: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13 };

/** The bytes that a string literal, quotes included, stands for. */
export function stringBytes(literal: string): Buffer {
  const parts: Buffer[] = [];
  const pattern =
    /\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|(u[dD][89abAB]..\\u[dD][c-fC-F]..)|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]))|[^\\]+/g;
  for (const [text, octal, hex, pair, short, long, letter] of literal.slice(1, -1).matchAll(pattern)) {
    if (octal !== undefined) parts.push(Buffer.of(Number.parseInt(octal, 8)));
    else if (hex !== undefined) parts.push(Buffer.of(Number.parseInt(hex, 16)));
    else if (pair !== undefined) parts.push(Buffer.from(JSON.parse(`"\\${pair}"`)));
    else if (short ?? long) parts.push(codePointBytes(Number.parseInt(short ?? long!, 16)));
    else if (letter !== undefined) parts.push(letter in ESCAPES ? Buffer.of(ESCAPES[letter]!) : Buffer.from(letter));
    else parts.push(Buffer.from(text));
  }
  return Buffer.concat(parts);
}

/** As UTF-8 has code points; also those that are none, which protoc writes the same way. */
function codePointBytes(code: number): Buffer {
  if (code > 0x10_ffff) return Buffer.from(`\\U${code.toString(16).padStart(8, '0')}`);
  if (code < 0x80) return Buffer.of(code);
  const tail = (shift: number) => ((code >> shift) & 63) | 128;
  if (code < 0x800) return Buffer.of((code >> 6) | 0xc0, tail(0));
  if (code < 0x1_0000) return Buffer.of((code >> 12) | 0xe0, tail(6), tail(0));
  return Buffer.of((code >> 18) | 0xf0, tail(12), tail(6), tail(0));
}

const MANGLED = 'ringcast_own_';

/** What stands for a name in the mended text: another name where every object has a property of that name. */
export function safeName(name: string): string {
  return name in Object.prototype ? mangled(name) : name;
}

/** A name in the mended text that protobufjs takes for nothing else. */
export function mangled(name: string): string {
  return MANGLED + name;
}

/** The name that a name in the mended text stands for. */
export function originalName(name: string): string {
  return name.replaceAll(MANGLED, '');
}
