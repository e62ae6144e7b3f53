/** Turns .proto files into modules of event classes, one module per file. */

import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CodegenError } from '../../errors.js';
import { PACKAGE_ROOT } from '../../package-files.js';
import { buildModels } from './model-builder.js';
import { emitModule, GENERATED_MARK, type ImportExtension, modulePath, relativeImport } from './module-emitter.js';
import type { GeneratedModule } from './output-folder.js';
import { loadProtos } from './proto-files.js';
import type { ProtoModel } from './proto-model.js';

export { type GeneratedModule, staleModules, writeModules } from './output-folder.js';

/** Where the package keeps its own .proto files; other files may import them. */
export const PACKAGE_PROTO_DIR = fileURLToPath(new URL('proto', PACKAGE_ROOT));

/** The files of the package whose classes `ringcast/events` has; the others become modules where they are used. */
const BUILT_IN =
  /^(?:containerd|ringcast)\/|^google\/protobuf\/(?:any|duration|empty|field_mask|struct|timestamp|wrappers)\.proto$/;

export function isBuiltIn(path: string): boolean {
  return BUILT_IN.test(path);
}

export interface GenerateOptions {
  /** Where imports are looked up after the package's own files and before the importing file's folder. */
  readonly includeDirs?: readonly string[];
  /** What generated modules import: a package name, or a path relative to the output folder. Default `ringcast/codec`. */
  readonly runtime?: string;
  /** Where the classes of the package's own .proto files come from. Default `ringcast/events`. */
  readonly events?: string;
  /** Writes modules for the package's own files too, and an index of all. Default false. */
  readonly ownFiles?: boolean;
  /** Writes JavaScript with declarations beside it instead of TypeScript. Default false. */
  readonly javascript?: boolean;
  /** How relative imports end. Default `js`, which compiled TypeScript and JavaScript take; `ts` is for type stripping. */
  readonly importExtension?: ImportExtension;
}

/** What was generated, and what of the files became no code. */
export interface Generated {
  readonly modules: readonly GeneratedModule[];
  /** Full names, by file. */
  readonly services: readonly { readonly file: string; readonly names: readonly string[] }[];
}

/**
 * Generates the modules of `files` and of what they import.
 *
 * @throws {CodegenError} `BUS_CODEGEN` when a file is missing, does not parse, or is refused by protoc, too
 */
export function generate(files: readonly string[], options: GenerateOptions = {}): GeneratedModule[] {
  return [...generateAll(files, options).modules];
}

/** As {@link generate}, with what it says besides. */
export function generateAll(files: readonly string[], options: GenerateOptions = {}): Generated {
  const models = buildModels(loadProtos(files, [PACKAGE_PROTO_DIR, ...(options.includeDirs ?? [])]));
  const ownerOf = new Map<string, ProtoModel>();
  for (const model of models) for (const type of [...model.messages, ...model.enums]) ownerOf.set(type.fullName, model);
  const isShared = (model: ProtoModel) => options.ownFiles !== true && isOwn(model) && isBuiltIn(model.path);
  const extension = options.importExtension ?? 'js';
  const elsewhere = (specifier: string, path: string) =>
    specifier.startsWith('.') ? relativeImport(specifier, path, extension) : specifier;
  const context = {
    ownerOf,
    specifierOf: (model: ProtoModel, path: string) =>
      isShared(model)
        ? elsewhere(options.events ?? 'ringcast/events', path)
        : relativeImport(modulePath(model), path, extension),
    runtimeOf: (path: string) => elsewhere(options.runtime ?? 'ringcast/codec', path),
  };
  const emitted = emittedModels(models, ownerOf, isShared);
  const modules = emitted.flatMap((model) => {
    const path = modulePath(model);
    const { code, declarations } = emitModule(model, path, context, options.javascript ? 'javascript' : 'typescript');
    if (declarations === undefined) return [{ path: `${path}.ts`, text: code }];
    return [
      { path: `${path}.js`, text: code },
      { path: `${path}.d.ts`, text: declarations },
    ];
  });
  if (options.ownFiles) modules.push({ path: 'index.ts', text: emitIndex(emitted) });
  checkPaths(modules);
  return {
    modules,
    services: emitted
      .filter(({ services }) => services.length > 0)
      .map(({ file, services }) => ({ file, names: services })),
  };
}

function isOwn(model: ProtoModel): boolean {
  return model.file.startsWith(join(PACKAGE_PROTO_DIR, sep));
}

/**
 * All but what `ringcast/events` has. Of the package's other files (`descriptor.proto` is imported for options mostly) those
 * that were named or whose types are used.
 */
function emittedModels(
  models: readonly ProtoModel[],
  ownerOf: ReadonlyMap<string, ProtoModel>,
  isShared: (model: ProtoModel) => boolean,
): ProtoModel[] {
  const wanted = new Set<ProtoModel>();
  const want = (model: ProtoModel): void => {
    if (isShared(model) || wanted.has(model)) return;
    wanted.add(model);
    for (const { fields } of model.messages)
      for (const { type } of fields) if (type !== undefined) want(ownerOf.get(type)!);
  };
  for (const model of models) if (model.given || !isOwn(model)) want(model);
  return models.filter((model) => wanted.has(model));
}

/** Names are told apart as a file system does that takes `A.ts` and `a.ts` for one file. */
function checkPaths(modules: readonly GeneratedModule[]): void {
  const seen = new Map<string, string>();
  for (const { path } of modules) {
    const key = path.toLowerCase().normalize('NFC');
    const other = seen.get(key);
    if (other !== undefined) throw new CodegenError(`two files would become ${other} and ${path}; rename one`);
    seen.set(key, path);
  }
}

function emitIndex(models: readonly ProtoModel[]): string {
  const lines = [`${GENERATED_MARK}; do not edit.`, ''];
  const classes: string[] = [];
  for (const model of [...models].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    const names = model.messages.flatMap(({ className }) => [className, `type ${className}Init`]);
    const all = [...model.enums.map(({ className }) => className), ...names];
    const from = relativeImport(modulePath(model), 'index.ts', 'js');
    classes.push(...model.messages.map(({ className }) => className));
    lines.push(`import { ${model.messages.map(({ className }) => className).join(', ')} } from '${from}';`);
    lines.push(`export { ${all.join(', ')} } from '${from}';`);
  }
  lines.push('', '/** Every event class of this package. */');
  lines.push('export const builtInTypes = [', ...classes.map((name) => `  ${name},`), '] as const;');
  return `${lines.join('\n')}\n`;
}
