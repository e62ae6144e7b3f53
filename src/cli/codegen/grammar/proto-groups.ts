/**
 * Groups, mended: each becomes a message and a field. `optional group A = 1 {` reads `optional A a = 1; message A {`. Where
 * no message can be, in a oneof or an `extend`, the message goes behind the block.
 */
import { safeName, type Token } from './proto-tokens.js';
import type { TokenCursor } from './token-cursor.js';

export class GroupMender {
  readonly #cursor: TokenCursor;
  /** Messages on their way to the end of the oneof or `extend` they are in. */
  #hoisted: string[] = [];

  constructor(cursor: TokenCursor) {
    this.#cursor = cursor;
  }

  /**
   * Mends a group whose opening brace was read just now.
   *
   * @param keyword the word `group`
   * @param isHoisted whether no message can be where the group is
   * @param readBody reads past the closing brace
   */
  mend(keyword: Token, name: Token, isHoisted: boolean, readBody: () => void): void {
    const typeName = safeName(name.text);
    keyword.output = '';
    name.output = `${typeName} ${safeName(name.text.toLowerCase())}`;
    const brace = this.#cursor.tokens[this.#cursor.at - 1]!;
    if (isHoisted) {
      brace.output = ';';
      this.#hoist(typeName, readBody);
    } else {
      brace.output = `; message ${typeName} {`;
      readBody();
    }
  }

  /** Reads a block in which no message can be; the messages of its groups go behind it. */
  hoisting(readBlock: () => void): void {
    const outer = this.#hoisted;
    this.#hoisted = [];
    readBlock();
    const last = this.#cursor.tokens[this.#cursor.at - 1];
    if (last !== undefined) last.output += this.#hoisted.map((text) => ` ${text}`).join('');
    this.#hoisted = outer;
  }

  #hoist(typeName: string, readBody: () => void): void {
    const start = this.#cursor.at;
    const outer = this.#hoisted;
    this.#hoisted = [];
    readBody();
    this.#hoisted = outer;
    const body = this.#cursor.tokens.slice(start, this.#cursor.at);
    // On one line: those of the file keep their numbers.
    const text = body.map((token) => (token.kind === 'blank' ? ' ' : token.output.replaceAll('\n', ' '))).join('');
    this.#hoisted.push(`message ${typeName} {${text}`);
    this.#cursor.blank(start, this.#cursor.at);
  }
}
