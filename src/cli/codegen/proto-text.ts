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
import { stringBytes, type Token, tokenize } from './proto-tokens.js';

export interface ImportStatement {
  readonly path: string;
  readonly kind: 'import' | 'public' | 'weak' | 'option';
  readonly line: number;
}

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

export interface ProtoText {
  readonly text: string;
  /** `proto2` where the file says nothing. */
  readonly edition: string;
  readonly imports: readonly ImportStatement[];
  /** By the name below the package, dots between: `Outer.Inner.field`. Values of enums count as inside their enum. */
  readonly notes: ReadonlyMap<string, Note>;
  readonly customOptions: readonly CustomOption[];
}

const MANGLED = 'ringcast_own_';

/** The name that a name in the mended text stands for. */
export function originalName(name: string): string {
  return name.replaceAll(MANGLED, '');
}

/** @throws {CodegenError} for a string, a comment or a block that never ends */
export function mendProtoText(file: string, source: string): ProtoText {
  return new Mender(file, source).mend();
}

type Block = 'file' | 'message' | 'enum' | 'oneof' | 'extend' | 'service' | 'other';

class Mender {
  readonly #tokens: Token[];
  readonly #file: string;
  #at = 0;
  #edition = 'proto2';
  readonly #imports: ImportStatement[] = [];
  readonly #notes = new Map<string, Note>();
  readonly #customOptions: CustomOption[] = [];
  /** Bodies of groups on their way to the end of the oneof or `extend` they are in. */
  #hoisted: string[] = [];

  constructor(file: string, source: string) {
    this.#file = file;
    this.#tokens = tokenize(file, source);
  }

  mend(): ProtoText {
    this.#statements('file', '');
    for (const token of this.#tokens) {
      if (token.kind === 'name' && token.text in Object.prototype) token.output = MANGLED + token.text;
    }
    return {
      text: this.#tokens.map(({ output }) => output).join(''),
      edition: this.#edition,
      imports: this.#imports,
      notes: this.#notes,
      customOptions: this.#customOptions,
    };
  }

  // Tokens that mean something; comments and blanks are passed over.

  #peek(): Token | undefined {
    while (this.#tokens[this.#at]?.kind === 'blank') this.#at++;
    return this.#tokens[this.#at];
  }

  #next(): Token | undefined {
    const token = this.#peek();
    if (token !== undefined) this.#at++;
    return token;
  }

  /** Goes past `text` where it is next. */
  #take(text: string): boolean {
    if (this.#peek()?.text !== text) return false;
    this.#at++;
    return true;
  }

  #statements(block: Block, scope: string): void {
    const start = this.#peek();
    for (;;) {
      const token = this.#next();
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
    const isField = this.#peek()?.kind === 'number' || this.#peek()?.text === '=';
    switch (isField ? '' : token.text) {
      case ';':
        return;
      case 'import':
        this.#import(token);
        return;
      case 'option':
        this.#optionStatement(token, scope);
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
        this.#hoisting(() => this.#block('oneof', scope));
        return;
      case 'extend':
        this.#hoisting(() => this.#block('extend', scope));
        return;
      case 'export':
      case 'local':
        if (/^(?:message|enum)$/.test(this.#peek()?.text ?? '')) return;
    }
    if (block === 'file' && /^(?:syntax|edition)$/.test(token.text)) {
      this.#take('=');
      const value = this.#peek();
      if (value?.kind === 'string') this.#edition = Buffer.from(stringBytes(value.text)).toString();
      return;
    }
    this.#member(token, block, scope);
  }

  #note(scope: string, name: string, line: number): Note {
    const path = scope === '' ? name : `${scope}.${name}`;
    const note = this.#notes.get(path) ?? { line };
    this.#notes.set(path, note);
    return note;
  }

  #import(start: Token): void {
    const modifier = this.#peek()?.text ?? '';
    const kind = modifier === 'public' || modifier === 'weak' || modifier === 'option' ? modifier : 'import';
    if (kind !== 'import') this.#next();
    let path = '';
    while (this.#peek()?.kind === 'string') path += Buffer.from(stringBytes(this.#next()!.text)).toString();
    this.#imports.push({ path, kind, line: start.line });
  }

  #block(block: Block, scope: string): void {
    const name = this.#next();
    if (name === undefined) return;
    let opened = name;
    while (opened.text !== '{' && opened.text !== ';') {
      const next = this.#next();
      if (next === undefined) return;
      opened = next;
    }
    // Members of oneofs and extensions are named in the scope around them.
    const inside = block === 'message' || block === 'enum';
    if (block !== 'extend') this.#note(scope, name.text, name.line);
    const below = inside ? (scope === '' ? name.text : `${scope}.${name.text}`) : scope;
    if (opened.text === '{') this.#statements(block, below);
  }

  /** `option name = value;`, of which custom ones are taken out. */
  #optionStatement(start: Token, scope: string): void {
    const from = this.#tokens.indexOf(start, Math.max(0, this.#at - 2));
    const name = this.#optionName();
    this.#skipTo([';']);
    if (name.includes('(')) {
      this.#customOption(name, scope, start.line);
      this.#blank(from, this.#at);
    }
  }

  /** Reads up to and including the "=". */
  #optionName(): string {
    let name = '';
    for (let token = this.#next(); token !== undefined && token.text !== '='; token = this.#next()) {
      name += token.text;
      if (token.text === ';' || token.text === ']') break;
    }
    return name;
  }

  #customOption(name: string, scope: string, line: number): void {
    for (const [, one] of name.matchAll(/\(([^)]*)\)/g)) this.#customOptions.push({ name: one!, scope, line });
  }

  /** Goes past the first of `ends` outside of brackets; returns it. */
  #skipTo(ends: readonly string[]): string | undefined {
    let depth = 0;
    for (let token = this.#next(); token !== undefined; token = this.#next()) {
      if (depth === 0 && ends.includes(token.text)) return token.text;
      if (/^[{[(]$/.test(token.text)) depth++;
      else if (/^[}\])]$/.test(token.text)) depth--;
    }
    return undefined;
  }

  /** Takes tokens out of the text; line ends stay. */
  #blank(from: number, to: number): void {
    for (let index = from; index < to; index++) {
      const token = this.#tokens[index]!;
      token.output = token.output.replace(/[^\n]/g, '');
    }
  }

  /** A field, a value of an enum, a range, a method. */
  #member(first: Token, block: Block, scope: string): void {
    const words = [first];
    let note: Note | undefined;
    for (;;) {
      const token = this.#peek();
      if (token === undefined || token.text === '}') return;
      this.#at++;
      if (token.text === ';') return;
      if (token.text === '{') {
        if (note !== undefined && this.#isGroup(words)) this.#group(words, note, block, scope);
        else this.#statements('other', scope);
        return;
      }
      if (token.text === '[') {
        this.#inlineOptions(note, scope);
        continue;
      }
      if (token.text === '=' && words.at(-1)!.kind === 'name') {
        const name = words.at(-1)!;
        note = this.#note(scope, this.#isGroup(words) ? name.text.toLowerCase() : name.text, name.line);
      }
      words.push(token);
    }
  }

  #isGroup(words: readonly Token[]): boolean {
    const at = /^(?:optional|required|repeated)$/.test(words[0]!.text) ? 1 : 0;
    return words[at]?.text === 'group' && words[at + 1]?.kind === 'name';
  }

  /** `[name = value, …]`; the bracket was read. */
  #inlineOptions(note: Note | undefined, scope: string): void {
    const open = this.#at - 1;
    let left = 0;
    let lastComma = -1;
    for (let end: string | undefined = ','; end === ','; ) {
      const start = this.#at;
      const line = this.#peek()?.line ?? 0;
      const name = this.#optionName();
      const valueStart = this.#at;
      end = this.#skipTo([',', ']']);
      const comma = this.#at - 1;
      if (name.includes('(')) this.#customOption(name, scope, line);
      if (name === 'default' && note !== undefined) note.default = this.#value(valueStart, comma);
      // Those of ranges say nothing about events.
      if (name.includes('(') || name === 'default' || note === undefined) {
        this.#blank(start, end === ',' ? comma + 1 : comma);
      } else {
        left++;
        lastComma = comma;
      }
    }
    if (left === 0) {
      this.#blank(open, open + 1);
      this.#blank(this.#at - 1, this.#at);
    } else if (lastComma < this.#at - 1) {
      this.#blank(lastComma, lastComma + 1);
    }
  }

  #value(from: number, to: number): Uint8Array | string {
    const tokens = this.#tokens.slice(from, to).filter(({ kind }) => kind !== 'blank');
    if (tokens.some(({ kind }) => kind === 'string')) {
      return Buffer.concat(tokens.map(({ text }) => stringBytes(text)));
    }
    return tokens.map(({ text }) => text).join('');
  }

  /**
   * A group becomes a message and a field: `optional group A = 1 {` reads `optional A a = 1; message A {`. Where no message
   * can be, the body goes behind the block.
   */
  #group(words: readonly Token[], note: Note, block: Block, scope: string): void {
    note.group = true;
    const keyword = words.find(({ text }) => text === 'group')!;
    const name = words[words.indexOf(keyword) + 1]!;
    if (!/^[A-Z]/.test(name.text)) {
      throw new CodegenError(
        `${this.#file}: the name of a group starts with a capital letter: ${name.text} (line ${name.line})`,
      );
    }
    keyword.output = '';
    const brace = this.#at - 1;
    const typeName = name.text in Object.prototype ? MANGLED + name.text : name.text;
    const fieldName = name.text.toLowerCase();
    name.output = `${typeName} ${fieldName in Object.prototype ? MANGLED + fieldName : fieldName}`;
    name.kind = 'mended';
    this.#note(scope, name.text, name.line);
    const below = scope === '' ? name.text : `${scope}.${name.text}`;
    if (block !== 'oneof' && block !== 'extend') {
      this.#tokens[brace]!.output = `; message ${typeName} {`;
      this.#statements('message', below);
      return;
    }
    this.#tokens[brace]!.output = ';';
    const start = this.#at;
    const outer = this.#hoisted;
    this.#hoisted = [];
    this.#statements('message', below);
    this.#hoisted = outer;
    const body = this.#tokens.slice(start, this.#at);
    for (const token of body) {
      if (token.kind === 'name' && token.text in Object.prototype) token.output = MANGLED + token.text;
    }
    const text = body.map((token) => (token.kind === 'blank' ? ' ' : token.output.replaceAll('\n', ' '))).join('');
    this.#hoisted.push(`message ${typeName} {${text}`);
    this.#blank(start, this.#at);
    for (const token of body) if (token.kind === 'name') token.kind = 'mended';
  }

  #hoisting(read: () => void): void {
    const outer = this.#hoisted;
    this.#hoisted = [];
    read();
    const last = this.#tokens[this.#at - 1];
    if (last !== undefined) last.output += this.#hoisted.map((text) => ` ${text}`).join('');
    this.#hoisted = outer;
  }
}
