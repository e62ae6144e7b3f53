/**
 * Groups, mended: each becomes a message and a field. `optional group A = 1 {` reads `optional A a = 1; message A {`. Where
 * no message can be, in a oneof or an `extend`, the message goes behind the block.
 */
import { CodegenError } from '../../errors.js';
import { safeName, type Token, type TokenCursor } from './proto-tokens.js';

/** Whether the words of a member begin with `optional group Name`, or with `group Name`. */
export function isGroup(words: readonly Token[]): boolean {
  const at = /^(?:optional|required|repeated)$/.test(words[0]!.text) ? 1 : 0;
  return words[at]?.text === 'group' && words[at + 1]?.kind === 'name';
}

export class GroupMender {
  readonly #file: string;
  readonly #cursor: TokenCursor;
  /** Messages on their way to the end of the oneof or `extend` they are in. */
  #hoisted: string[] = [];

  constructor(file: string, cursor: TokenCursor) {
    this.#file = file;
    this.#cursor = cursor;
  }

  /**
   * Mends a group whose opening brace was read just now.
   *
   * @param words what stands before the brace
   * @param isHoisted whether no message can be where the group is
   * @param readBody reads past the closing brace; told the group's name
   */
  mend(words: readonly Token[], isHoisted: boolean, readBody: (name: Token) => void): void {
    const keyword = words.find(({ text }) => text === 'group')!;
    const name = words[words.indexOf(keyword) + 1]!;
    if (!/^[A-Z]/.test(name.text)) {
      throw new CodegenError(
        `${this.#file}: the name of a group starts with a capital letter: ${name.text} (line ${name.line})`,
      );
    }
    const typeName = safeName(name.text);
    keyword.output = '';
    name.output = `${typeName} ${safeName(name.text.toLowerCase())}`;
    const brace = this.#cursor.tokens[this.#cursor.at - 1]!;
    if (isHoisted) {
      brace.output = ';';
      this.#hoist(typeName, () => readBody(name));
    } else {
      brace.output = `; message ${typeName} {`;
      readBody(name);
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
