/**
 * Gives each chunk local copies of what it imports from other chunks, and exports copies of what it exports.
 *
 * *Why.* V8 keeps an exported binding in a cell that none of its compilers folds, not even in the module that exports it. A
 * local `const` is folded: constants of layouts, classes and functions on the way of each event.
 *
 * Modules of Node's are asked for with `process.getBuiltinModule`: what imports one reads all of its exports, and so loads
 * `fs/promises`, `readline` and some thirty more of Node's own files, in each thread.
 *
 * *When it is right.* Chunks import each other one way only, so what a chunk imports has its value when the chunk is
 * evaluated; and only bindings that never change are copied.
 */
import { parseAst } from 'rolldown/parseAst';

type Statement = ReturnType<typeof parseAst>['body'][number];
type ImportDeclaration = Extract<Statement, { readonly type: 'ImportDeclaration' }>;

/** Whoever fakes clocks replaces properties of these: an import has what was there before, if anybody has imported them then. */
const FAKED_MODULES = /^node:(?:process|timers)$/;

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * Each edit keeps the number of lines, so a source map of the chunk stays true.
 *
 * @param code of a chunk, whose imports and exports come in statements of their own
 */
export function withLocalCopies(code: string): string {
  const { body } = parseAst(code);
  // A facade has nothing that could run faster.
  if (body.every(({ type }) => type === 'ImportDeclaration' || type === 'ExportNamedDeclaration')) return code;
  const changing = changingNames(body);
  const edits = body.map((statement) => editOf(statement, changing)).filter((edit) => edit !== undefined);
  return edits.reduceRight((text, { start, end, text: by }) => text.slice(0, start) + by + text.slice(end), code);
}

/** Names of top-level variables that may be given another value. */
function changingNames(body: readonly Statement[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const statement of body) {
    if (statement.type !== 'VariableDeclaration' || statement.kind === 'const') continue;
    for (const { id } of statement.declarations) if (id.type === 'Identifier') names.add(id.name);
  }
  return names;
}

function editOf(statement: Statement, changing: ReadonlySet<string>): Edit | undefined {
  const { start, end } = statement;
  if (statement.type === 'ImportDeclaration') {
    if (statement.source.value.startsWith('node:')) return builtinEdit(statement);
    if (!statement.source.value.startsWith('./') || statement.specifiers.length === 0) return undefined;
    const names: string[] = [];
    const copies: string[] = [];
    for (const specifier of statement.specifiers) {
      if (specifier.type !== 'ImportSpecifier') return undefined;
      const local = specifier.local.name;
      names.push(`${nameOf(specifier.imported)} as ${local}$i`);
      copies.push(`${local} = ${local}$i`);
    }
    return {
      start,
      end,
      text: `import { ${names.join(', ')} } from '${statement.source.value}'; const ${copies.join(', ')};`,
    };
  }
  if (statement.type !== 'ExportNamedDeclaration' || statement.declaration != null || statement.source != null) {
    return undefined;
  }
  const names: string[] = [];
  const copies: string[] = [];
  for (const specifier of statement.specifiers) {
    const local = nameOf(specifier.local);
    if (changing.has(local)) {
      names.push(local === nameOf(specifier.exported) ? local : `${local} as ${nameOf(specifier.exported)}`);
      continue;
    }
    names.push(`${local}$x as ${nameOf(specifier.exported)}`);
    copies.push(`${local}$x = ${local}`);
  }
  const declared = copies.length === 0 ? '' : `const ${[...new Set(copies)].join(', ')}; `;
  return { start, end, text: `${declared}export { ${names.join(', ')} };` };
}

function builtinEdit({ start, end, source, specifiers }: ImportDeclaration): Edit | undefined {
  if (FAKED_MODULES.test(source.value) || specifiers.length === 0) return undefined;
  const module = `process.getBuiltinModule('${source.value}')`;
  const names: string[] = [];
  const declared: string[] = [];
  for (const specifier of specifiers) {
    const local = specifier.local.name;
    if (specifier.type === 'ImportSpecifier') names.push(`${nameOf(specifier.imported)}: ${local}`);
    else declared.push(`${local} = ${module}`);
  }
  if (names.length > 0) declared.push(`{ ${names.join(', ')} } = ${module}`);
  return { start, end, text: `const ${declared.join(', ')};` };
}

function nameOf(name: { readonly type: string; readonly name?: string; readonly value?: unknown }): string {
  return name.name ?? JSON.stringify(name.value);
}
