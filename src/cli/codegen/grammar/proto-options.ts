/** The options of a .proto file. All are taken out of the text that protobufjs parses, and kept beside it. */
import { stringBytes } from './proto-tokens.js';
import type { TokenCursor } from './token-cursor.js';

/** A value as it is written: a name such as `true`, a number with its sign, a string's bytes, or a message in braces. */
export type OptionValue =
  | { readonly kind: 'name' | 'number'; readonly text: string }
  | { readonly kind: 'string'; readonly bytes: Buffer }
  | { readonly kind: 'message'; readonly fields: readonly (readonly [name: string, value: string])[] };

export interface Option {
  /** As it is written, without blanks: `deprecated`, `features.enum_type`, `(my.option).field`. */
  readonly name: string;
  readonly value: OptionValue;
  readonly line: number;
}

/** What has options, as `descriptor.proto` calls it. */
export type OptionPlace =
  | 'Enum'
  | 'EnumValue'
  | 'ExtensionRange'
  | 'Field'
  | 'File'
  | 'Message'
  | 'Method'
  | 'Oneof'
  | 'Service';

export class OptionReader {
  readonly #cursor: TokenCursor;

  constructor(cursor: TokenCursor) {
    this.#cursor = cursor;
  }

  /** `option name = value;`, whose first word is next. */
  statement(): Option {
    const cursor = this.#cursor;
    cursor.peek();
    const from = cursor.at;
    cursor.expect('option');
    const option = this.#option();
    cursor.expect(';');
    cursor.blankStatement(from);
    return option;
  }

  /** `[name = value, …]` where it is next. */
  inline(): Option[] {
    const cursor = this.#cursor;
    if (!cursor.is('[')) return [];
    const from = cursor.at;
    cursor.next();
    const options: Option[] = [];
    do options.push(this.#option());
    while (cursor.take(','));
    cursor.expect(']');
    cursor.blank(from, cursor.at);
    return options;
  }

  #option(): Option {
    const line = this.#cursor.peek()?.line ?? 0;
    let name = this.#namePart();
    while (this.#cursor.take('.')) name += `.${this.#namePart()}`;
    this.#cursor.expect('=');
    return { name, value: this.#value(), line };
  }

  #namePart(): string {
    const cursor = this.#cursor;
    if (!cursor.take('(')) return cursor.name().text;
    const name = (cursor.take('.') ? '.' : '') + cursor.dottedName();
    cursor.expect(')');
    return `(${name})`;
  }

  #value(): OptionValue {
    const cursor = this.#cursor;
    if (cursor.is('{')) return { kind: 'message', fields: this.#message() };
    if (cursor.peek()?.kind === 'string') return { kind: 'string', bytes: cursor.string() };
    const sign = cursor.take('-') ? '-' : '';
    const token = cursor.peek();
    if (token?.kind === 'number') return { kind: 'number', text: sign + cursor.next()!.text };
    if (token?.kind !== 'name' || (sign !== '' && !/^(?:inf|nan)$/.test(token.text))) return cursor.illegal(token);
    return { kind: sign === '' ? 'name' : 'number', text: sign + cursor.next()!.text };
  }

  /** A message in text format, of which the outermost fields are looked at. */
  #message(): [string, string][] {
    const cursor = this.#cursor;
    const open = cursor.expect('{');
    const fields: [string, string][] = [];
    for (let depth = 1; depth > 0; ) {
      const token = cursor.next();
      if (token === undefined) return cursor.fail('the value of an option never ends', open);
      if (token.text === '{') depth++;
      else if (token.text === '}') depth--;
      else if (depth === 1 && token.kind === 'name' && cursor.take(':')) {
        const value = cursor.peek();
        if (value?.kind === 'string') fields.push([token.text, stringBytes(value.text).toString()]);
        else if (value?.kind !== 'sign') fields.push([token.text, value?.text ?? '']);
      } else if (token.text === '#') {
        while (cursor.peek()?.line === token.line && !cursor.is('}')) cursor.next();
      }
    }
    return fields;
  }
}

/** The options of a declaration by their names; `features` is one object of all of them. */
export function optionRecord(options: readonly Option[]): Record<string, unknown> {
  const record: Record<string, unknown> = {};
  const features: Record<string, string> = {};
  for (const { name, value } of options) {
    const [first, second] = name.split('.');
    if (first === 'features') {
      if (value.kind === 'message') Object.assign(features, Object.fromEntries(value.fields));
      else if (second !== undefined && !second.startsWith('(')) features[second] = shownValue(value);
    } else if (!name.startsWith('(')) {
      record[name] =
        value.kind === 'name' && /^(?:true|false)$/.test(value.text) ? value.text === 'true' : shownValue(value);
    }
  }
  return Object.keys(features).length === 0 ? record : { ...record, features };
}

function shownValue(value: OptionValue): string {
  if (value.kind === 'message') return '{ … }';
  return value.kind === 'string' ? value.bytes.toString() : value.text;
}
