/** Every code block of every page of the repository compiles, and every command that is named there exists. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { COMMAND } from '../support/published.js';
import { compile } from '../support/typescript.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
// Below the package, where its own name resolves to it.
const folder = mkdtempSync(join(root, 'dist', 'readme-blocks-'));
after(() => rmSync(folder, { recursive: true }));

const pages = ['.', '.github', 'bench', 'src', 'test', 'proto'].flatMap((top) =>
  readdirSync(join(root, top), { recursive: top !== '.', encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => ({ page: join(top, name), text: readFileSync(join(root, top, name), 'utf8') })),
);

interface Block {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  readonly code: string;
}

const blocks: Block[] = pages.flatMap(({ page, text }) =>
  [...text.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map((match) => ({
    page,
    line: text.slice(0, match.index).split('\n').length,
    language: match[1]!,
    code: match[2]!,
  })),
);

/** What blocks use without saying where it is from: the names of the package, and a reader's own. */
const GLOBALS = `
import type * as ringcast from 'ringcast';
import type * as events from 'ringcast/events';
declare global {
  const bus: ringcast.Bus;
  const data: unknown;
  const emitter: ringcast.Emitter;
  const filter: string;
  const handler: (envelope: ringcast.Envelope) => void;
  const signal: AbortSignal;
  const subscription: ringcast.Subscription;
  const work: () => Promise<void>;
  const createBus: typeof ringcast.createBus;
  const emit: typeof ringcast.emit;
  const explain: typeof ringcast.explain;
  const runWithEmitter: typeof ringcast.runWithEmitter;
  const withNamespace: typeof ringcast.withNamespace;
  const TaskExit: typeof events.TaskExit;
  type TaskExit = events.TaskExit;
  type TaskStart = events.TaskStart;
}
`;

const OPTIONS = [
  ...['--ignoreConfig', '--noEmit', '--module', 'nodenext', '--target', 'es2023', '--lib', 'es2023,esnext.disposable'],
  ...['--types', 'node', '--skipLibCheck', '--allowJs'],
];
const STRICT = ['--strict', '--noUncheckedIndexedAccess', '--exactOptionalPropertyTypes'];

/** Compiles blocks, each as a module of its own; a complaint names the page and the line. */
async function compileBlocks(language: string, options: readonly string[]): Promise<void> {
  const chosen = blocks.filter((block) => block.language === language);
  assert.ok(chosen.length > 0, `no page has a block of ${language}`);
  writeFileSync(join(folder, 'globals.ts'), GLOBALS);
  const files = chosen.map(({ page, line, code }) => {
    const name = `${page.replace(/\W/g, '-')}.${line}.${language}`;
    // As far down as in the page, so that lines are the page's.
    writeFileSync(join(folder, name), `${'\n'.repeat(line)}${code}\nexport {};\n`);
    return name;
  });
  const complaints = await compile([...OPTIONS, ...options, 'globals.ts', ...files], folder).then(
    () => [],
    (error: { stdout: string }) => error.stdout.trim().split('\n'),
  );
  // JavaScript reads the fields of events, whose types nobody has told the compiler.
  assert.deepEqual(
    complaints.filter((complaint) => !/\.js\(.*(TS18046|TS2339: .* on type 'unknown')/.test(complaint)),
    [],
  );
}

/** The headings of a page, as links name them. */
function headingsOf(page: string): string[] {
  return [...readFileSync(page, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe('the pages of the repository', () => {
  test('have blocks of TypeScript that compile, strictly', () => compileBlocks('ts', STRICT));

  test('have blocks of JavaScript that use the package as its types say', () =>
    compileBlocks('js', ['--checkJs', '--strict', 'false']));

  test('have blocks in languages that are checked, and no others', () => {
    for (const { page, line, language } of blocks) assert.match(language, /^(ts|js|sh|)$/, `${page}:${line}`);
  });

  test('name scripts of npm that exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
    const named = pages.flatMap(({ page, text }) =>
      [...text.matchAll(/\bnpm (?:run ([\w:-]+)|(test|start)\b)/g)].map(
        (match) => [page, match[1] ?? match[2]!] as const,
      ),
    );
    assert.ok(named.length > 10);
    for (const [page, script] of named) assert.ok(Object.hasOwn(scripts, script), `${page}: npm run ${script}`);
  });

  test('name commands of ringcast that exist', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [COMMAND, '--help']);
    const named = pages.flatMap(({ page, text }) =>
      [...text.matchAll(/(?:^ {4}|`|npx )ringcast ([a-z][a-z-]*)\b/gm)].map((match) => [page, match[1]!] as const),
    );
    assert.ok(named.length > 3);
    for (const [page, command] of named) assert.match(stdout, new RegExp(`^  ${command} `, 'm'), `${page}: ${command}`);
  });

  test('have links that lead to a file, and to a heading of it', () => {
    const linked = pages.flatMap(({ page, text }) =>
      [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)].map(([, path, heading]) => {
        const target = join(root, path === '' ? page : join(page, '..', path!));
        return { from: `${page}: ${path}#${heading}`, target, heading };
      }),
    );
    assert.ok(linked.length > 50);
    for (const { from, target, heading } of linked) {
      assert.ok(existsSync(target), from);
      if (heading !== undefined) assert.ok(headingsOf(target).includes(heading), from);
    }
  });

  test('name files of tests that exist', () => {
    for (const { page, text } of pages) {
      for (const [file] of text.matchAll(/\btest\/[\w/-]+\.(?:test\.ts|pml)\b/g)) {
        assert.doesNotThrow(() => readFileSync(join(root, file)), `${page}: ${file}`);
      }
    }
  });
});
