/**
 * The text of a .proto file before the parser gets it: what protobufjs cannot read or would lose is taken out here and kept
 * beside the text. Lines stay where they are, so that the parser's line numbers are those of the file.
 *
 * Worked around (protobufjs 8.8.1):
 * - default values: integers beyond 2^53 lose digits, strings and bytes lose their escapes;
 * - groups: none inside a oneof or an `extend`, no options, no nested extensions; their fields get another name than protoc's;
 * - custom options: text format beyond the simplest does not parse, and none of them changes an event;
 * - the names that every object has (`constructor`, `__proto__`) are taken as already used, or dropped (CVE-2022-25878);
 * - public imports are not told from others, nor proto2 from a file that says nothing.
 */

import { CodegenError } from '../../errors.js';
import { GroupMender, isGroup } from './proto-groups.js';
import { type CustomOption, type Note, OptionMender } from './proto-options.js';
import { stringBytes, type Token, TokenCursor, tokenize } from './proto-tokens.js';

export interface ImportStatement {
  readonly path: string;
  readonly kind: 'import' | 'public' | 'weak' | 'option';
  readonly line: number;
}

export interface ProtoText {
  readonly text: string;
  /** `proto2` where the file says nothing. */
  readonly edition: string;
  readonly imports: readonly ImportStatement[];
  /** By the name below the package, dots between: `Outer.Inner.field`. Values of enums count as inside their enum. */
  readonly notes: ReadonlyMap<string, Note>;
  readonly customOptions: readonly CustomOption[];
}

/** @throws {CodegenError} for a string, a comment or a block that never ends */
export function mendProtoText(file: string, source: string): ProtoText {
  return new Mender(file, source).mend();
}

type Block = 'file' | 'message' | 'enum' | 'oneof' | 'extend' | 'service' | 'other';

class Mender {
  readonly #file: string;
  readonly #cursor: TokenCursor;
  readonly #options: OptionMender;
  readonly #groups: GroupMender;
  #edition = 'proto2';
  readonly #imports: ImportStatement[] = [];
  readonly #notes = new Map<string, Note>();

  constructor(file: string, source: string) {
    this.#file = file;
    this.#cursor = new TokenCursor(tokenize(file, source));
    this.#options = new OptionMender(this.#cursor);
    this.#groups = new GroupMender(file, this.#cursor);
  }

  mend(): ProtoText {
    this.#statements('file', '');
    return {
      text: this.#cursor.tokens.map(({ output }) => output).join(''),
      edition: this.#edition,
      imports: this.#imports,
      notes: this.#notes,
      customOptions: this.#options.customOptions,
    };
  }

  #statements(block: Block, scope: string): void {
    const start = this.#cursor.peek();
    for (;;) {
      const token = this.#cursor.next();
      if (token === undefined) {
        if (block === 'file') return;
        throw new CodegenError(
          `${this.#file}: the block of ${scope || 'the file'} never ends (line ${start?.line ?? 1})`,
        );
      }
      if (token.text === '}') {
        if (block === 'file') throw new CodegenError(`${this.#file}: illegal token '}' (line ${token.line})`);
        return;
      }
      this.#statement(token, block, scope);
    }
  }

  #statement(token: Token, block: Block, scope: string): void {
    const isField = this.#cursor.peek()?.kind === 'number' || this.#cursor.peek()?.text === '=';
    switch (isField ? '' : token.text) {
      case ';':
        return;
      case 'import':
        this.#import(token);
        return;
      case 'option':
        this.#options.statement(token, scope);
        return;
      case 'message':
        this.#block('message', scope);
        return;
      case 'enum':
        this.#block('enum', scope);
        return;
      case 'service':
        this.#block('service', scope);
        return;
      case 'oneof':
        this.#groups.hoisting(() => this.#block('oneof', scope));
        return;
      case 'extend':
        this.#groups.hoisting(() => this.#block('extend', scope));
        return;
      case 'export':
      case 'local':
        if (/^(?:message|enum)$/.test(this.#cursor.peek()?.text ?? '')) return;
    }
    if (block === 'file' && /^(?:syntax|edition)$/.test(token.text)) {
      this.#cursor.take('=');
      const value = this.#cursor.peek();
      if (value?.kind === 'string') this.#edition = Buffer.from(stringBytes(value.text)).toString();
      return;
    }
    this.#member(token, block, scope);
  }

  #note(scope: string, name: string, line: number): Note {
    const path = below(scope, name);
    const note = this.#notes.get(path) ?? { line };
    this.#notes.set(path, note);
    return note;
  }

  #import(start: Token): void {
    const modifier = this.#cursor.peek()?.text ?? '';
    const kind = modifier === 'public' || modifier === 'weak' || modifier === 'option' ? modifier : 'import';
    if (kind !== 'import') this.#cursor.next();
    let path = '';
    while (this.#cursor.peek()?.kind === 'string')
      path += Buffer.from(stringBytes(this.#cursor.next()!.text)).toString();
    this.#imports.push({ path, kind, line: start.line });
  }

  #block(block: Block, scope: string): void {
    const name = this.#cursor.next();
    if (name === undefined) return;
    let opened = name;
    while (opened.text !== '{' && opened.text !== ';') {
      const next = this.#cursor.next();
      if (next === undefined) return;
      opened = next;
    }
    // Members of oneofs and extensions are named in the scope around them.
    const inside = block === 'message' || block === 'enum';
    if (block !== 'extend') this.#note(scope, name.text, name.line);
    if (opened.text === '{') this.#statements(block, inside ? below(scope, name.text) : scope);
  }

  /** A field, a value of an enum, a range, a method. */
  #member(first: Token, block: Block, scope: string): void {
    const words = [first];
    let note: Note | undefined;
    for (;;) {
      const token = this.#cursor.peek();
      if (token === undefined || token.text === '}') return;
      this.#cursor.at++;
      if (token.text === ';') return;
      if (token.text === '{') {
        if (note !== undefined && isGroup(words)) {
          note.group = true;
          this.#groups.mend(words, block === 'oneof' || block === 'extend', ({ text, line }) => {
            this.#note(scope, text, line);
            this.#statements('message', below(scope, text));
          });
        } else {
          this.#statements('other', scope);
        }
        return;
      }
      if (token.text === '[') {
        this.#options.inline(note, scope);
        continue;
      }
      if (token.text === '=' && words.at(-1)!.kind === 'name') {
        const name = words.at(-1)!;
        note = this.#note(scope, isGroup(words) ? name.text.toLowerCase() : name.text, name.line);
      }
      words.push(token);
    }
  }
}

function below(scope: string, name: string): string {
  return scope === '' ? name : `${scope}.${name}`;
}
