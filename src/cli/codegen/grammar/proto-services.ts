/** Services, which are taken out of the text that protobufjs parses: they become no code. */
import type { Option, OptionReader } from './proto-options.js';
import type { TokenCursor } from './token-cursor.js';

export interface MethodStatement {
  readonly name: string;
  readonly line: number;
  readonly options: readonly Option[];
  /** What it takes and what it returns. */
  readonly types: readonly string[];
}

export interface ServiceStatement {
  readonly name: string;
  readonly line: number;
  readonly options: readonly Option[];
  readonly methods: readonly MethodStatement[];
}

/** `service Name { … }`, which is next. */
export function readService(cursor: TokenCursor, options: OptionReader): ServiceStatement {
  cursor.peek();
  const from = cursor.at;
  cursor.next();
  const { text: name, line } = cursor.name();
  const own: Option[] = [];
  const methods: MethodStatement[] = [];
  readBlock(cursor, () => {
    if (cursor.is('option')) own.push(options.statement());
    else methods.push(readMethod(cursor, options));
  });
  cursor.blankStatement(from);
  return { name, line, options: own, methods };
}

function readMethod(cursor: TokenCursor, options: OptionReader): MethodStatement {
  cursor.expect('rpc');
  const { text: name, line } = cursor.name();
  const types = [readType(cursor)];
  cursor.expect('returns');
  types.push(readType(cursor));
  const own: Option[] = [];
  if (cursor.is('{')) readBlock(cursor, () => own.push(options.statement()));
  else cursor.expect(';');
  return { name, line, options: own, types };
}

function readType(cursor: TokenCursor): string {
  cursor.expect('(');
  cursor.take('stream');
  const name = (cursor.take('.') ? '.' : '') + cursor.dottedName();
  cursor.expect(')');
  return name;
}

function readBlock(cursor: TokenCursor, readStatement: () => void): void {
  const open = cursor.expect('{');
  while (!cursor.take('}')) {
    if (cursor.peek() === undefined) cursor.fail('a block never ends', open);
    if (!cursor.take(';')) readStatement();
  }
}
