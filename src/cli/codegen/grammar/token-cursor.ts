/** A place in the tokens of a .proto file: what grammar is made of. */

import { CodegenError } from '../../../errors.js';
import { integerOf, safeName, stringBytes, type Token } from './proto-tokens.js';

export class TokenCursor {
  readonly tokens: Token[];
  /** Index of the token that is looked at next. */
  at = 0;
  readonly #file: string;

  constructor(file: string, tokens: Token[]) {
    this.#file = file;
    this.tokens = tokens;
  }

  /** The next token that means something; comments and blanks are passed over. */
  peek(): Token | undefined {
    while (this.tokens[this.at]?.kind === 'blank') this.at++;
    return this.tokens[this.at];
  }

  /** The one behind {@link peek}. */
  peekSecond(): Token | undefined {
    const { at } = this;
    this.next();
    const second = this.peek();
    this.at = at;
    return second;
  }

  next(): Token | undefined {
    const token = this.peek();
    if (token !== undefined) this.at++;
    return token;
  }

  is(text: string): boolean {
    return this.peek()?.text === text;
  }

  /** Goes past `text` where it is next. */
  take(text: string): boolean {
    const taken = this.is(text);
    if (taken) this.at++;
    return taken;
  }

  expect(text: string): Token {
    if (!this.is(text)) this.illegal(this.peek(), `'${text}'`);
    return this.next()!;
  }

  name(): Token {
    if (this.peek()?.kind !== 'name') this.fail(`illegal name ${this.#shown(this.peek())}`, this.peek());
    return this.next()!;
  }

  /** Names with dots between, as one token of the mended text. */
  dottedName(): string {
    const first = this.name();
    let full = first.text;
    while (this.is('.')) {
      const dot = this.next()!;
      const part = this.name();
      full += `.${part.text}`;
      first.output += `.${safeName(part.text)}`;
      dot.output = '';
      part.output = '';
    }
    return full;
  }

  /** An integer, in the decimal digits that every parser takes. */
  integer(): number {
    const token = this.peek();
    const value = token?.kind === 'number' ? integerOf(token.text) : undefined;
    if (value === undefined) this.fail(`illegal id ${this.#shown(token)}`, token);
    this.next()!.output = String(value);
    return Number(value);
  }

  /** One string, of however many literals. */
  string(): Buffer {
    if (this.peek()?.kind !== 'string') this.illegal(this.peek(), 'a string');
    const parts: Buffer[] = [];
    while (this.peek()?.kind === 'string') parts.push(stringBytes(this.next()!.text));
    return Buffer.concat(parts);
  }

  /** Takes tokens out of the text; line ends stay. */
  blank(from: number, to: number): void {
    for (let index = from; index < to; index++) {
      const token = this.tokens[index]!;
      token.output = token.output.replace(/[^\n]/g, '');
    }
  }

  /** Takes a statement out of the text, with the comment behind it: it would be taken for that of the next one. */
  blankStatement(from: number): void {
    let to = this.at;
    while (this.tokens[to]?.kind === 'blank' && !this.tokens[to]!.text.includes('\n')) to++;
    this.blank(from, to);
  }

  illegal(token: Token | undefined, expected?: string): never {
    return this.fail(
      `illegal token ${this.#shown(token)}${expected === undefined ? '' : `, ${expected} expected`}`,
      token,
    );
  }

  /** @throws {CodegenError} always, with the line of `token` */
  fail(reason: string, token: Pick<Token, 'line'> | undefined): never {
    const { line } = token ?? this.tokens.at(-1) ?? { line: 1 };
    throw new CodegenError(`${this.#file}: ${reason} (line ${line})`);
  }

  #shown(token: Token | undefined): string {
    return token === undefined ? 'at the end of the file' : `'${token.text}'`;
  }
}
