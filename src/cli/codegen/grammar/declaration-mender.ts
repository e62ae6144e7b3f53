/** What a file and a message declare: messages, enums, oneofs, extensions, fields. */

import { GroupMender } from './proto-groups.js';
import type { OptionReader } from './proto-options.js';
import { type Note, readEnumRanges, readRanges } from './proto-ranges.js';
import { mangled, safeName, type Token } from './proto-tokens.js';
import type { TokenCursor } from './token-cursor.js';

const SCALAR = /^(?:bool|bytes|double|float|string|s?fixed(?:32|64)|[su]?int(?:32|64))$/;
const PROTOBUFJS_KEYWORD =
  /^(?:edition|enum|export|extend|extensions|group|import|local|map|message|oneof|option|optional|package|repeated|required|reserved|service|syntax)$/;

/** As deep as protoc reads. */
const MAX_NESTING = 31;

export class DeclarationMender {
  readonly notes = new Map<string, Note>();
  readonly #cursor: TokenCursor;
  readonly #options: OptionReader;
  readonly #groups: GroupMender;
  readonly #edition: string;
  #nesting = 0;
  #enumValues = 0;

  constructor(cursor: TokenCursor, options: OptionReader, edition: string) {
    this.#cursor = cursor;
    this.#options = options;
    this.#groups = new GroupMender(cursor);
    this.#edition = edition;
  }

  get #isEdition(): boolean {
    return !this.#edition.startsWith('proto');
  }

  /** A message, an enum or an `extend`, where one is next. */
  type(scope: string): boolean {
    const cursor = this.#cursor;
    const modifier = cursor.peek()?.text;
    const isModified = (modifier === 'export' || modifier === 'local') && this.#isEdition && this.#edition !== '2023';
    const keyword = isModified ? cursor.peekSecond() : cursor.peek();
    if (!/^(?:message|enum)$/.test(keyword?.text ?? '')) {
      if (isModified || keyword?.text !== 'extend') return false;
      this.#extend(scope);
      return true;
    }
    if (isModified) cursor.next();
    cursor.next();
    const name = cursor.name();
    const note = this.#note(scope, name);
    if (isModified) note.visibility = modifier;
    const path = below(scope, name.text);
    cursor.expect('{');
    if (keyword!.text === 'message') this.#message(path, note);
    else this.#block(path, () => this.#enumStatement(path, note));
    return true;
  }

  /** Reads statements up to the closing brace. */
  #block(scope: string, readStatement: () => void): void {
    const cursor = this.#cursor;
    const start = cursor.peek();
    while (!cursor.take('}')) {
      if (cursor.peek() === undefined) cursor.fail(`the block of ${scope || 'the file'} never ends`, start);
      if (!cursor.take(';')) readStatement();
    }
  }

  #message(path: string, note: Note): void {
    if (++this.#nesting > MAX_NESTING)
      this.#cursor.fail(`more than ${MAX_NESTING} messages are inside each other`, note);
    this.#block(path, () => this.#messageStatement(path, note));
    this.#nesting--;
  }

  #messageStatement(path: string, note: Note): void {
    const cursor = this.#cursor;
    switch (cursor.peek()!.text) {
      case 'option':
        note.options.push(this.#options.statement());
        return;
      case 'oneof':
        this.#oneof(path);
        return;
      case 'extensions':
      case 'reserved':
        readRanges(cursor, this.#options, note, this.#isEdition);
        return;
      default:
        if (!this.type(path)) this.#field(path, 'message');
    }
  }

  #enumStatement(path: string, note: Note): void {
    const cursor = this.#cursor;
    if (cursor.is('option')) {
      note.options.push(this.#options.statement());
      return;
    }
    if (cursor.is('reserved')) {
      readEnumRanges(cursor, note, this.#isEdition);
      return;
    }
    const name = cursor.name();
    cursor.expect('=');
    const sign = cursor.peek();
    const isNegative = cursor.take('-');
    const value = cursor.peek();
    const number = cursor.integer();
    if (isNegative) sign!.output = '';
    // Any other number: protobufjs takes no two of one, which may be an alias.
    value!.output = String(this.#enumValues++);
    const of = this.#note(path, name);
    of.number = isNegative ? 0 - number : number;
    of.options.push(...this.#options.inline());
    cursor.expect(';');
  }

  #oneof(scope: string): void {
    const cursor = this.#cursor;
    this.#groups.hoisting(() => {
      cursor.next();
      const name = cursor.name();
      const note = this.#note(scope, name);
      cursor.expect('{');
      this.#block(scope, () => {
        if (cursor.is('option')) note.options.push(this.#options.statement());
        else this.#field(scope, 'oneof');
      });
    });
  }

  #extend(scope: string): void {
    const cursor = this.#cursor;
    this.#groups.hoisting(() => {
      cursor.next();
      this.#typeName();
      cursor.expect('{');
      let count = 0;
      this.#block(scope, () => {
        count++;
        this.#field(scope, 'extend');
      });
      if (count === 0) cursor.illegal(cursor.tokens[cursor.at - 1]);
    });
  }

  #field(scope: string, block: 'message' | 'oneof' | 'extend'): void {
    const cursor = this.#cursor;
    const label = /^(?:optional|repeated|required)$/.test(cursor.peek()?.text ?? '') ? cursor.next() : undefined;
    if (label !== undefined && block === 'oneof') cursor.illegal(label);
    if (cursor.is('group')) {
      this.#group(scope, block);
      return;
    }
    if (cursor.is('map') && cursor.peekSecond()?.text === '<') {
      if (label !== undefined || block !== 'message') cursor.illegal(cursor.peek());
      cursor.next();
      cursor.next();
      this.#typeName();
      cursor.expect(',');
      this.#typeName();
      cursor.expect('>');
    } else {
      this.#typeName();
    }
    const name = cursor.name();
    cursor.expect('=');
    const note = this.#note(scope, name);
    note.number = cursor.integer();
    if (label?.text === 'optional' && this.#edition === 'proto3') {
      note.optional = true;
      label.output = '';
    }
    note.options.push(...this.#options.inline());
    cursor.expect(';');
  }

  #group(scope: string, block: 'message' | 'oneof' | 'extend'): void {
    const cursor = this.#cursor;
    const keyword = cursor.next()!;
    if (this.#isEdition) cursor.illegal(keyword);
    const name = cursor.name();
    if (!/^[A-Z]/.test(name.text)) cursor.fail(`the name of a group starts with a capital letter: ${name.text}`, name);
    cursor.expect('=');
    const field = this.#note(scope, { ...name, text: name.text.toLowerCase() });
    field.group = true;
    field.number = cursor.integer();
    field.options.push(...this.#options.inline());
    cursor.expect('{');
    this.#groups.mend(keyword, name, block !== 'message', () => {
      this.#message(below(scope, name.text), this.#note(scope, name));
    });
  }

  /** The name of a type, as one token of the mended text that no keyword is taken for. */
  #typeName(): void {
    const cursor = this.#cursor;
    const first: Token | undefined = cursor.peek();
    if (cursor.take('.')) {
      const name = cursor.peek();
      cursor.dottedName();
      first!.output = `.${name!.output}`;
      name!.output = '';
    } else if (SCALAR.test(first?.text ?? '')) {
      cursor.next();
    } else {
      if (first?.kind !== 'name') cursor.illegal(first);
      const isKeyword = PROTOBUFJS_KEYWORD.test(cursor.dottedName());
      if (isKeyword) first!.output = mangled(safeName(first!.text));
    }
  }

  #note(scope: string, { text: name, line }: Token): Note {
    const path = below(scope, name);
    const known = this.notes.get(path);
    if (known !== undefined) {
      this.#cursor.fail(`duplicate name '${name}': there is one already, in line ${known.line}`, { line });
    }
    const note: Note = { line, options: [], extensionRanges: [], rangeOptions: [], reserved: [] };
    this.notes.set(path, note);
    return note;
  }
}

function below(scope: string, name: string): string {
  return scope === '' ? name : `${scope}.${name}`;
}
