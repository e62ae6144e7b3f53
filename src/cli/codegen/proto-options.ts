/** The options of a .proto file: custom ones and default values are taken out of the text and kept beside it. */
import { stringBytes, type Token, type TokenCursor } from './proto-tokens.js';

/** What is known of a declaration besides what the parser says. */
export interface Note {
  readonly line: number;
  /** Whether the field is a group, whose message is declared beside it. */
  group?: boolean;
  /** The value of a field's `default` option: the bytes of a string, or the text of anything else. */
  default?: Uint8Array | string;
}

export interface CustomOption {
  readonly name: string;
  /** What encloses it, below the package, dots between. */
  readonly scope: string;
  readonly line: number;
}

export class OptionMender {
  readonly customOptions: CustomOption[] = [];
  readonly #cursor: TokenCursor;

  constructor(cursor: TokenCursor) {
    this.#cursor = cursor;
  }

  /** `option name = value;`, of which custom ones are taken out. */
  statement(start: Token, scope: string): void {
    const from = this.#cursor.tokens.indexOf(start, Math.max(0, this.#cursor.at - 2));
    const name = this.#name();
    this.#cursor.skipTo([';']);
    if (name.includes('(')) {
      this.#custom(name, scope, start.line);
      this.#cursor.blank(from, this.#cursor.at);
    }
  }

  /** `[name = value, …]`; the bracket was read. */
  inline(note: Note | undefined, scope: string): void {
    const open = this.#cursor.at - 1;
    let left = 0;
    let lastComma = -1;
    for (let end: string | undefined = ','; end === ','; ) {
      const start = this.#cursor.at;
      const line = this.#cursor.peek()?.line ?? 0;
      const name = this.#name();
      const valueStart = this.#cursor.at;
      end = this.#cursor.skipTo([',', ']']);
      const comma = this.#cursor.at - 1;
      if (name.includes('(')) this.#custom(name, scope, line);
      if (name === 'default' && note !== undefined) note.default = this.#value(valueStart, comma);
      // Those of ranges say nothing about events.
      if (name.includes('(') || name === 'default' || note === undefined) {
        this.#cursor.blank(start, end === ',' ? comma + 1 : comma);
      } else {
        left++;
        lastComma = comma;
      }
    }
    if (left === 0) {
      this.#cursor.blank(open, open + 1);
      this.#cursor.blank(this.#cursor.at - 1, this.#cursor.at);
    } else if (lastComma < this.#cursor.at - 1) {
      this.#cursor.blank(lastComma, lastComma + 1);
    }
  }

  /** Reads up to and including the "=". */
  #name(): string {
    let name = '';
    for (let token = this.#cursor.next(); token !== undefined && token.text !== '='; token = this.#cursor.next()) {
      name += token.text;
      if (token.text === ';' || token.text === ']') break;
    }
    return name;
  }

  #custom(name: string, scope: string, line: number): void {
    for (const [, one] of name.matchAll(/\(([^)]*)\)/g)) this.customOptions.push({ name: one!, scope, line });
  }

  #value(from: number, to: number): Uint8Array | string {
    const tokens = this.#cursor.tokens.slice(from, to).filter(({ kind }) => kind !== 'blank');
    if (tokens.some(({ kind }) => kind === 'string')) {
      return Buffer.concat(tokens.map(({ text }) => stringBytes(text)));
    }
    return tokens.map(({ text }) => text).join('');
  }
}
