/** The full names of everything that a set of .proto files declares, and what a reference in one of them means. */

import { CodegenError } from '../../errors.js';
import { jsonName } from './names.js';
import type { ProtoFile } from './proto-files.js';
import type { Declaration, EnumDeclaration, FieldDeclaration, MessageDeclaration, Scope } from './proto-parser.js';

export type ProtoSymbol = { readonly fullName: string; readonly file: ProtoFile } & (
  | { readonly kind: 'message'; readonly declaration: MessageDeclaration }
  | { readonly kind: 'enum'; readonly declaration: EnumDeclaration }
  | { readonly kind: 'extension'; readonly declaration: FieldDeclaration }
  | {
      readonly kind: 'entry' | 'field' | 'method' | 'oneof' | 'service' | 'value';
      readonly declaration: { readonly line: number };
    }
);

/** The full name of what is at `path` of a file. */
export function fullNameOf(file: ProtoFile, path: string): string {
  return file.package === '' ? path : path === '' ? file.package : `${file.package}.${path}`;
}

/** @throws {CodegenError} that names the file, the declaration and the line */
export function refuse(file: ProtoFile, declaration: Pick<Declaration, 'path' | 'line'>, reason: string): never {
  throw new CodegenError(`${file.file}: ${fullNameOf(file, declaration.path)}: ${reason} (line ${declaration.line})`);
}

/** Of a full name, as protoc has it. */
const MAX_NAME_LENGTH = 2 ** 16 - 1;

function entryName(field: string): string {
  const camel = jsonName(field);
  return `${camel.charAt(0).toUpperCase()}${camel.slice(1)}Entry`;
}

function syntheticOneof({ path, fields, oneofs }: MessageDeclaration, field: FieldDeclaration): string {
  let name = `_${field.name}`;
  while ([...fields, ...oneofs].some((one) => one.name === name)) name = `X${name}`;
  return `${path}.${name}`;
}

export class SymbolTable {
  readonly #symbols = new Map<string, ProtoSymbol>();
  /** Who declares something in a package or in one below it. */
  readonly #packages = new Map<string, Set<ProtoFile>>();
  readonly #visible = new Map<ProtoFile, ReadonlySet<ProtoFile>>();

  /** @throws {CodegenError} when two declarations have one full name */
  constructor(files: readonly ProtoFile[]) {
    for (const file of files) {
      const parts = file.package.split('.');
      for (let length = 1; length <= parts.length; length++) {
        const name = parts.slice(0, length).join('.');
        this.#packages.set(name, (this.#packages.get(name) ?? new Set()).add(file));
      }
    }
    for (const file of files) {
      this.#addScope(file, file, '');
      for (const service of file.services) {
        this.#add(file, service.path, { kind: 'service', declaration: service });
        for (const method of service.methods) {
          this.#add(file, `${service.path}.${method.name}`, { kind: 'method', declaration: method });
        }
      }
    }
  }

  get all(): Iterable<ProtoSymbol> {
    return this.#symbols.values();
  }

  find(fullName: string): ProtoSymbol | undefined {
    return this.#symbols.get(fullName);
  }

  #addScope(file: ProtoFile, scope: Scope, path: string): void {
    const inside = (name: string) => (path === '' ? name : `${path}.${name}`);
    for (const declaration of scope.messages) {
      this.#add(file, declaration.path, { kind: 'message', declaration });
      this.#addScope(file, declaration, declaration.path);
      for (const field of declaration.fields) {
        this.#add(file, field.path, { kind: 'field', declaration: field });
        // protoc makes a oneof of it.
        if (field.label === 'optional')
          this.#add(file, syntheticOneof(declaration, field), { kind: 'oneof', declaration: field });
        // The entries of a map are messages, and have a name that nothing else can have.
        if (field.keyType !== undefined) {
          this.#add(file, `${declaration.path}.${entryName(field.name)}`, { kind: 'entry', declaration: field });
        }
      }
      for (const oneof of declaration.oneofs) this.#add(file, oneof.path, { kind: 'oneof', declaration: oneof });
    }
    for (const declaration of scope.enums) {
      this.#add(file, declaration.path, { kind: 'enum', declaration });
      // As in C++: names of values are beside their enum, not inside.
      for (const value of declaration.values)
        this.#add(file, inside(value.name), { kind: 'value', declaration: value });
    }
    for (const declaration of scope.extensions) this.#add(file, declaration.path, { kind: 'extension', declaration });
  }

  #add(
    file: ProtoFile,
    path: string,
    symbol: { readonly kind: ProtoSymbol['kind']; readonly declaration: { readonly line: number } },
  ): void {
    const fullName = fullNameOf(file, path);
    const { line } = symbol.declaration;
    const known = this.#symbols.get(fullName);
    if (known !== undefined) {
      const beside = symbol.kind === 'value' ? '; the values of an enum are names beside it, not inside' : '';
      const where = known.file === file ? `line ${known.declaration.line}` : known.file.file;
      refuse(file, { path, line }, `there is one already, in ${where}${beside}`);
    }
    if (fullName.length > MAX_NAME_LENGTH) refuse(file, { path: path.slice(0, 40), line }, 'its name is too long');
    if (this.#packages.has(fullName)) refuse(file, { path, line }, 'a package has this name');
    this.#symbols.set(fullName, { ...symbol, fullName, file } as ProtoSymbol);
  }

  /** A file itself, what it imports, and what those import publicly. */
  #visibleTo(file: ProtoFile): ReadonlySet<ProtoFile> {
    let visible = this.#visible.get(file) as Set<ProtoFile> | undefined;
    if (visible === undefined) {
      visible = new Set([file]);
      const addPublic = (one: ProtoFile): void => {
        if (visible!.has(one)) return;
        visible!.add(one);
        for (const { statement, file: next } of one.imported) if (statement.kind === 'public') addPublic(next);
      };
      for (const { statement, file: imported } of file.imported) if (statement.kind !== 'option') addPublic(imported);
      this.#visible.set(file, visible);
    }
    return visible;
  }

  /**
   * What a reference means: looked up in the scope it is in, then in those around it, by its first part.
   *
   * @param scope   the path of the declaration around it
   * @param wanted  what it may be; others of the name are passed over
   * @returns undefined where nothing visible has the name
   */
  resolve(
    reference: string,
    scope: string,
    file: ProtoFile,
    wanted: readonly ProtoSymbol['kind'][],
  ): ProtoSymbol | undefined {
    return this.#resolve(reference, fullNameOf(file, scope), this.#visibleTo(file), wanted);
  }

  #resolve(
    reference: string,
    scope: string,
    visible: ReadonlySet<ProtoFile>,
    wanted: readonly ProtoSymbol['kind'][],
  ): ProtoSymbol | undefined {
    const find = (name: string): ProtoSymbol | undefined => {
      const symbol = this.#symbols.get(name);
      return symbol !== undefined && visible.has(symbol.file) ? symbol : undefined;
    };
    const wantedAt = (name: string) => {
      const symbol = find(name);
      return symbol !== undefined && wanted.includes(symbol.kind) ? symbol : undefined;
    };
    if (reference.startsWith('.')) return wantedAt(reference.slice(1));
    const dot = reference.indexOf('.');
    const first = dot < 0 ? reference : reference.slice(0, dot);
    for (let around = scope; ; around = around.slice(0, Math.max(0, around.lastIndexOf('.')))) {
      const at = around === '' ? '' : `${around}.`;
      if (dot < 0) {
        const symbol = wantedAt(at + first);
        if (symbol !== undefined) return symbol;
      } else {
        const outer = find(at + first);
        const isPackage = [...(this.#packages.get(at + first) ?? [])].some((one) => visible.has(one));
        // The first part decides; what it names is not looked for further out.
        if (isPackage || outer?.kind === 'message' || outer?.kind === 'enum') return wantedAt(at + reference);
      }
      if (around === '') return undefined;
    }
  }

  /** The extension that a custom option is; also one of a file that is imported for its options. */
  resolveOption(name: string, scope: string, file: ProtoFile): ProtoSymbol | undefined {
    const found = this.resolve(name, scope, file, ['extension']);
    if (found !== undefined) return found;
    const options = file.imported.filter(({ statement }) => statement.kind === 'option');
    const visible = new Set(options.flatMap(({ file: imported }) => [...this.#visibleTo(imported)]));
    return this.#resolve(name, fullNameOf(file, scope), visible, ['extension']);
  }

  /** Why {@link resolve} found nothing. */
  unresolved(reference: string, file: ProtoFile): string {
    const name = reference.replace(/^\./, '');
    for (const { fullName, file: owner } of this.#symbols.values()) {
      if ((fullName === name || fullName.endsWith(`.${name}`)) && !this.#visibleTo(file).has(owner)) {
        return `${reference} is declared in ${owner.path}, which ${file.path} does not import`;
      }
    }
    return `${reference} is not declared`;
  }
}
