/** What the references of a file mean, and which of them it may not make. */

import { type Features, fileFeatures, inheritFeatures } from './features.js';
import type { ProtoFile } from './proto-files.js';
import type { Declaration } from './proto-parser.js';
import { type ProtoSymbol, refuse, type SymbolTable } from './proto-symbols.js';

/** The features of a file, which what is in it inherits. */
export function featuresOf(file: ProtoFile): Features {
  return inheritFeatures(fileFeatures(file.edition), file.options);
}

export class References {
  readonly #file: ProtoFile;
  readonly #symbols: SymbolTable;

  constructor(file: ProtoFile, symbols: SymbolTable) {
    this.#file = file;
    this.#symbols = symbols;
  }

  /**
   * @param user   what refers to it
   * @param scope  the path of the declaration around it
   * @throws {CodegenError} where nothing of the kinds that are wanted is to be seen
   */
  resolve(
    reference: string,
    user: Pick<Declaration, 'path' | 'line'>,
    scope: string,
    wanted: readonly ProtoSymbol['kind'][],
  ): ProtoSymbol {
    const found = this.#symbols.resolve(reference, scope, this.#file, wanted);
    if (found === undefined) refuse(this.#file, user, this.#symbols.unresolved(reference, this.#file));
    this.#checkVisible(user, found);
    return found;
  }

  /** From edition 2024 on, a file may keep a type to itself. */
  #checkVisible(user: Pick<Declaration, 'path' | 'line'>, { fullName, file, kind, declaration }: ProtoSymbol): void {
    if (file === this.#file || (kind !== 'message' && kind !== 'enum')) return;
    const byDefault = featuresOf(file).default_symbol_visibility;
    const isExported =
      byDefault === 'EXPORT_ALL' || (byDefault === 'EXPORT_TOP_LEVEL' && declaration.path === declaration.name);
    if (declaration.visibility === 'local' || (declaration.visibility === undefined && !isExported)) {
      refuse(this.#file, user, `${fullName} is local to ${file.path}: export it there`);
    }
  }
}
