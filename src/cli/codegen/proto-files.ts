/** Finds .proto files and what they import, and gives each the path that its module will have. */

import { existsSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { CodegenError } from '../../errors.js';
import type { ImportStatement } from './grammar/proto-text.js';
import { type ParsedFile, parseFile } from './proto-parser.js';

/** One .proto file and those it imports. */
export interface ProtoFile extends ParsedFile {
  /** The path other files import it by, with forward slashes; never leads upwards. */
  readonly path: string;
  /** Whether the caller named it. */
  readonly given: boolean;
  /** In the order of the import statements. */
  readonly imported: readonly { readonly statement: ImportStatement; readonly file: ProtoFile }[];
}

interface LoadedFile extends ProtoFile {
  path: string;
  given: boolean;
  imported: { readonly statement: ImportStatement; readonly file: ProtoFile }[];
}

/**
 * Parses `files` and all they import; those named come first.
 *
 * @param includeDirs  where imports are looked up, in this order, before the importing file's own folder; the package's first
 * @throws {CodegenError} when a file is missing, does not parse, or imports itself
 */
export function loadProtos(files: readonly string[], includeDirs: readonly string[]): ProtoFile[] {
  const loader = new Loader(includeDirs);
  for (const file of files) loader.load(loader.standIn(file), []).given = true;
  loader.giveSeparatePaths();
  return loader.files;
}

class Loader {
  readonly #includeDirs: readonly string[];
  /** By where they really are. */
  readonly #loaded = new Map<string, LoadedFile>();

  constructor(includeDirs: readonly string[]) {
    this.#includeDirs = includeDirs;
  }

  get files(): LoadedFile[] {
    return [...this.#loaded.values()];
  }

  /** A file itself, or the package's own of the same path: copies of protobuf's files are in many folders. */
  standIn(file: string): string {
    const path = importPath(file, this.#includeDirs.slice(1), '');
    const own = join(this.#includeDirs[0]!, path);
    return path !== '' && existsSync(own) ? own : file;
  }

  /** @param importers the files on the way to this one, outermost first */
  load(file: string, importers: readonly LoadedFile[]): LoadedFile {
    const place = existsSync(file) ? realpathSync(file) : resolve(file);
    const known = this.#loaded.get(place);
    if (known !== undefined) {
      const from = importers.indexOf(known);
      if (from < 0) return known;
      const circle = [...importers.slice(from), known].map((one) => one.path).join(' imports ');
      throw new CodegenError(`${importers.at(-1)!.file}: a file imports itself: ${circle}`);
    }
    const loaded: LoadedFile = {
      ...parseFile(file),
      path: importPath(file, this.#includeDirs),
      given: false,
      imported: [],
    };
    this.#loaded.set(place, loaded);
    for (const statement of loaded.imports) {
      const imported = this.load(this.#find(statement, loaded), [...importers, loaded]);
      loaded.imported.push({ statement, file: imported });
    }
    return loaded;
  }

  #find({ path, line }: ImportStatement, importer: LoadedFile): string {
    for (const dir of [...this.#includeDirs, dirname(resolve(importer.file))]) {
      const file = isAbsolute(path) ? path : join(dir, path);
      if (statSync(file, { throwIfNoEntry: false })?.isFile()) return file;
    }
    const folders = [...this.#includeDirs, dirname(importer.file)].join(', ');
    throw new CodegenError(
      `${importer.file}: import ${JSON.stringify(path)} is in none of ${folders}; add -I DIR, the folder that ${JSON.stringify(path)} starts from (line ${line})`,
    );
  }

  /** Files of one path that are in no include folder keep the folders below the one they have in common. */
  giveSeparatePaths(): void {
    const clashing = (file: LoadedFile) => this.files.some((other) => other !== file && other.path === file.path);
    const outside = this.files.filter((file) => importPath(file.file, this.#includeDirs, '') === '');
    if (outside.some(clashing)) {
      const top = commonFolder(outside.map(({ file }) => dirname(resolve(file))));
      for (const one of outside) one.path = relative(top, resolve(one.file)).split(sep).join('/');
    }
    const clash = this.files.find(clashing);
    if (clash !== undefined) {
      const other = this.files.find((one) => one !== clash && one.path === clash.path)!;
      throw new CodegenError(
        `${clash.file} and ${other.file} are both ${JSON.stringify(clash.path)}; keep one, or give -I DIR`,
      );
    }
  }
}

/** Below the first include folder it is in; otherwise its name, or `otherwise`. */
function importPath(file: string, includeDirs: readonly string[], otherwise?: string): string {
  const absolute = resolve(file);
  for (const dir of includeDirs) {
    const path = relative(resolve(dir), absolute);
    if (path !== '' && path.split(sep)[0] !== '..' && !isAbsolute(path)) return path.split(sep).join('/');
  }
  return otherwise ?? relative(dirname(absolute), absolute);
}

function commonFolder(folders: readonly string[]): string {
  const parts = folders.map((folder) => folder.split(sep));
  const first = parts[0]!;
  const length = first.findIndex((part, index) => parts.some((one) => one[index] !== part));
  return (length < 0 ? first : first.slice(0, length)).join(sep) || sep;
}
