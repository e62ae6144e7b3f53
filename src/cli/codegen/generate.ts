/** Turns .proto files into TypeScript modules of event classes, one module per file. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CodegenError } from '../../errors.js';
import { PACKAGE_ROOT } from '../../package-files.js';
import { emitEnum, emitMessage } from './message-emitter.js';
import { type ProtoModel, readProtos } from './proto-model.js';

/** Where the package keeps its own .proto files; other files may import them. */
export const PACKAGE_PROTO_DIR = fileURLToPath(new URL('proto', PACKAGE_ROOT));

export interface GenerateOptions {
  /** Where imports are looked up after the package's own files and before the importing file's folder. */
  readonly includeDirs?: readonly string[];
  /** What generated modules import: a package name, or a path relative to the output folder. Default `ringcast/codec`. */
  readonly runtime?: string;
  /** Where the classes of the package's own .proto files come from. Default `ringcast/events`. */
  readonly events?: string;
  /** Writes modules for the package's own files too, and an index of all. Default false. */
  readonly ownFiles?: boolean;
}

/** One module to write: its path below the output folder and its text. */
export interface GeneratedModule {
  readonly path: string;
  readonly text: string;
}

/**
 * Generates the modules of `files` and of what they import.
 *
 * @throws {CodegenError} `BUS_CODEGEN` when a file is missing, does not parse, or uses what is not supported
 */
export function generate(files: readonly string[], options: GenerateOptions = {}): GeneratedModule[] {
  const models = readProtos(files, [PACKAGE_PROTO_DIR, ...(options.includeDirs ?? [])]);
  const ownerOf = new Map<string, ProtoModel>();
  for (const model of models) for (const type of [...model.messages, ...model.enums]) ownerOf.set(type.fullName, model);
  const isImported = (model: ProtoModel) => options.ownFiles !== true && model.file.startsWith(PACKAGE_PROTO_DIR);
  const modules = models
    .filter((model) => !isImported(model))
    .map((model) => ({ path: modulePath(model), text: emitModule(model, ownerOf, isImported, options) }));
  if (options.ownFiles) modules.push({ path: 'index.ts', text: emitIndex(models) });
  return modules;
}

/** Writes the modules below `outDir`, folders as needed. */
export function writeModules(modules: readonly GeneratedModule[], outDir: string): void {
  for (const { path, text } of modules) {
    const file = join(outDir, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

/** The modules whose file below `outDir` is missing or different. */
export function staleModules(modules: readonly GeneratedModule[], outDir: string): GeneratedModule[] {
  return modules.filter(({ path, text }) => {
    try {
      return readFileSync(join(outDir, path), 'utf8') !== text;
    } catch {
      return true;
    }
  });
}

function modulePath(model: ProtoModel): string {
  return model.path.replace(/\.proto$/, '.ts');
}

/** Stands for the output folder, deep enough for paths that leave it: relative paths would depend on the current folder. */
const OUTPUT_ROOT = `/${'out/'.repeat(32)}`;

/** `path` as an import from the module at `from`. */
function importOf(path: string, from: string): string {
  const folder = posix.join(OUTPUT_ROOT, posix.dirname(from));
  const specifier = posix.relative(folder, posix.join(OUTPUT_ROOT, path)).replace(/\.ts$/, '.js');
  return specifier.startsWith('.') ? specifier : `./${specifier}`;
}

function moduleOf(specifier: string, from: string): string {
  return specifier.startsWith('.') ? importOf(specifier, from) : specifier;
}

function emitModule(
  model: ProtoModel,
  ownerOf: ReadonlyMap<string, ProtoModel>,
  isImported: (model: ProtoModel) => boolean,
  options: GenerateOptions,
): string {
  const path = modulePath(model);
  const imports = new Map<string, Set<string>>();
  const className = (fullName: string): string => {
    const owner = ownerOf.get(fullName)!;
    const message = owner.messages.find((one) => one.fullName === fullName);
    const name = (message ?? owner.enums.find((one) => one.fullName === fullName)!).className;
    if (owner !== model) {
      const from = isImported(owner)
        ? moduleOf(options.events ?? 'ringcast/events', path)
        : importOf(modulePath(owner), path);
      const names = imports.get(from) ?? new Set();
      imports.set(from, names.add(name));
      if (message !== undefined) names.add(`type ${name}Init`);
      if ([...model.messages, ...model.enums].some((one) => one.className === name)) {
        throw new CodegenError(
          `${model.file}: two types named ${name} meet in one module; put them into separate files`,
        );
      }
    }
    return name;
  };
  const body = [
    ...model.enums.flatMap((type) => ['', ...emitEnum(type)]),
    ...model.messages.flatMap((message) => ['', ...emitMessage(message, className)]),
  ];
  const runtime = moduleOf(options.runtime ?? 'ringcast/codec', path);
  const lines = [
    `// Generated by ringcast from ${model.path}; do not edit.`,
    '',
    ...(model.messages.length > 0 ? [`import * as wire from '${runtime}';`] : []),
    ...[...imports].sort().map(([from, names]) => `import { ${[...names].join(', ')} } from '${from}';`),
    ...body,
  ];
  return `${lines.join('\n')}\n`;
}

function emitIndex(models: readonly ProtoModel[]): string {
  const lines = ['// Generated by ringcast; do not edit.', ''];
  const classes: string[] = [];
  for (const model of [...models].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    const names = model.messages.flatMap(({ className }) => [className, `type ${className}Init`]);
    const all = [...model.enums.map(({ className }) => className), ...names];
    const from = importOf(modulePath(model), 'index.ts');
    classes.push(...model.messages.map(({ className }) => className));
    lines.push(`import { ${model.messages.map(({ className }) => className).join(', ')} } from '${from}';`);
    lines.push(`export { ${all.join(', ')} } from '${from}';`);
  }
  lines.push('', '/** Every event class of this package. */');
  lines.push('export const builtInTypes = [', ...classes.map((name) => `  ${name},`), '] as const;');
  return `${lines.join('\n')}\n`;
}
