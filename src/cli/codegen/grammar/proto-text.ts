/**
 * The text of a .proto file before protobufjs gets it. It is read by protobuf's grammar here, and refused where protoc refuses
 * it; what protobufjs cannot read or would lose is taken out and kept beside the text. Lines stay where they are.
 *
 * Worked around (protobufjs 8.8.1):
 * - default values: integers beyond 2^53 lose digits, strings and bytes lose their escapes;
 * - options: text format beyond the simplest does not parse, and of an option that is set twice the last one stays;
 * - groups: none inside a oneof or an `extend`, no options, no nested extensions; their fields get another name than protoc's;
 * - the names that every object has (`constructor`, `__proto__`) are taken as already used, or dropped (CVE-2022-25878);
 * - types called `map`, `import`, `export` are taken for keywords, and what is between the parts of a name for an error;
 * - `optional` in proto3 makes a oneof, which may have the name of another field;
 * - public imports are not told from others, nor proto2 from a file that says nothing; a package has to come first.
 */

import { DeclarationMender } from './declaration-mender.js';
import { type Option, OptionReader } from './proto-options.js';
import type { Note } from './proto-ranges.js';
import { readService, type ServiceStatement } from './proto-services.js';
import { tokenize } from './proto-tokens.js';
import { TokenCursor } from './token-cursor.js';

export interface ImportStatement {
  readonly path: string;
  readonly kind: 'import' | 'public' | 'weak' | 'option';
  readonly line: number;
}

export interface ProtoText {
  readonly text: string;
  /** `proto2` where the file says nothing. */
  readonly edition: string;
  readonly package: string;
  readonly imports: readonly ImportStatement[];
  readonly services: readonly ServiceStatement[];
  /** By the name below the package, dots between: `Outer.Inner.field`. Values of enums count as inside their enum. */
  readonly notes: ReadonlyMap<string, Note>;
  /** Those of the file. */
  readonly options: readonly Option[];
}

/** @throws {CodegenError} for what protoc's grammar does not have */
export function mendProtoText(file: string, source: string): ProtoText {
  return new Mender(file, source).mend();
}

const MAX_PACKAGE_DEPTH = 101;

class Mender {
  readonly #cursor: TokenCursor;
  readonly #options: OptionReader;
  readonly #edition: string;
  readonly #declarations: DeclarationMender;
  #package: string | undefined;
  readonly #imports: ImportStatement[] = [];
  readonly #services: ServiceStatement[] = [];
  readonly #fileOptions: Option[] = [];

  constructor(file: string, source: string) {
    const cursor = new TokenCursor(file, tokenize(file, source));
    this.#cursor = cursor;
    this.#options = new OptionReader(cursor);
    this.#edition = cursor.is('syntax') || cursor.is('edition') ? this.#syntax() : 'proto2';
    this.#declarations = new DeclarationMender(cursor, this.#options, this.#edition);
  }

  mend(): ProtoText {
    while (this.#cursor.peek() !== undefined) this.#topLevel();
    return {
      text: this.#cursor.tokens.map(({ output }) => output).join(''),
      edition: this.#edition,
      package: this.#package ?? '',
      imports: this.#imports,
      services: this.#services,
      notes: this.#declarations.notes,
      options: this.#fileOptions,
    };
  }

  #syntax(): string {
    const cursor = this.#cursor;
    const keyword = cursor.next()!;
    cursor.expect('=');
    const value = cursor.peek();
    const from = cursor.at;
    const edition = cursor.string().toString();
    if (keyword.text === 'syntax' && !edition.startsWith('proto')) {
      cursor.fail(`${JSON.stringify(edition)} is none of proto2, proto3`, value);
    }
    cursor.blank(from, cursor.at);
    value!.output = JSON.stringify(edition);
    cursor.expect(';');
    return edition;
  }

  #topLevel(): void {
    const cursor = this.#cursor;
    const token = cursor.peek()!;
    switch (token.text) {
      case ';':
        cursor.next();
        return;
      case 'import':
        this.#import();
        return;
      case 'package':
        this.#packageStatement();
        return;
      case 'option':
        this.#fileOptions.push(this.#options.statement());
        return;
      case 'service':
        this.#services.push(readService(cursor, this.#options));
        return;
      default:
        if (!this.#declarations.type('')) cursor.illegal(token);
    }
  }

  #import(): void {
    const cursor = this.#cursor;
    const { line } = cursor.peek()!;
    const from = cursor.at;
    cursor.next();
    const modifier = cursor.peek()?.text ?? '';
    const kind = modifier === 'public' || modifier === 'weak' || modifier === 'option' ? modifier : 'import';
    if (kind !== 'import') cursor.next();
    const path = cursor.string().toString();
    cursor.expect(';');
    cursor.blankStatement(from);
    this.#imports.push({ path, kind, line });
  }

  #packageStatement(): void {
    const cursor = this.#cursor;
    const start = cursor.peek();
    const from = cursor.at;
    cursor.next();
    if (this.#package !== undefined) cursor.illegal(start);
    this.#package = cursor.dottedName();
    if (this.#package.split('.').length > MAX_PACKAGE_DEPTH) {
      cursor.fail(`a package has at most ${MAX_PACKAGE_DEPTH} names, one inside the other`, start);
    }
    cursor.expect(';');
    cursor.blankStatement(from);
  }
}
