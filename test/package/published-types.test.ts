/** The types that are published: what is marked `@internal` in the sources is not in them, and cannot be used. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { compile } from '../support/typescript.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
// Below the package, where its own name resolves to it.
const folder = mkdtempSync(join(root, 'dist', 'published-types-'));
after(() => rmSync(folder, { recursive: true }));

interface InternalMember {
  readonly file: string;
  /** The first line of the declaration. */
  readonly declaration: string;
  /** How often the sources declare something of that name that is public: overloads of a constructor. */
  readonly publicOnes: number;
}

function internalMembers(): InternalMember[] {
  return readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => {
      const text = readFileSync(join(root, 'src', file), 'utf8');
      return [...text.matchAll(/@internal[^/]*\*\/\n\s*(.+)/g)].map((match) => {
        const declaration = match[1]!;
        const publicOnes = file === 'bus/bus.ts' && nameOf(declaration) === 'constructor' ? 1 : 0;
        return { file, declaration, publicOnes };
      });
    });
}

/** `static from(` → `from` */
function nameOf(declaration: string): string {
  const modifiers = /^((static|override|get|set|async|readonly|export|function|const|class|interface|type) )*/;
  return /^\w+/.exec(declaration.replace(modifiers, ''))![0];
}

describe('the published types', () => {
  test('have nothing that the sources mark as internal', () => {
    const members = internalMembers();
    assert.ok(members.length >= 10, `${members.length} internal members found`);
    for (const { file, declaration, publicOnes } of members) {
      const types = readFileSync(join(root, 'dist/src', file.replace(/\.ts$/, '.d.ts')), 'utf8');
      const name = nameOf(declaration);
      const declared = [...types.matchAll(new RegExp(`^\\s*(?:\\w+ )*${name}[(<:;?]`, 'gm'))];
      assert.equal(declared.length, publicOnes, `${file}: ${name}`);
    }
  });

  test('refuse internal members and arguments, and take the public ones', async () => {
    // Each of these lines has to be an error, or the compiler complains of the comment above it.
    const source = `
      import { Bus, createBus, InvalidEventError } from 'ringcast';
      import { Container } from 'ringcast/services';
      const bus: Bus = new Bus({ capacityBytes: 65536 });
      const subscription = createBus().subscribe('/a', () => {});
      const stream = bus.subscribe('/a');
      void [subscription.name, subscription.stats(), stream.next()];
      // @ts-expect-error: where positions start
      new Bus({}, 5);
      // @ts-expect-error: what carries a subscription out
      subscription.delivery;
      // @ts-expect-error: how a subscription is set up
      subscription.attach;
      // @ts-expect-error: how a stream is filled
      stream.accept;
      // @ts-expect-error: how errors of this package are passed on
      InvalidEventError.from;
      // @ts-expect-error: made by the service
      new Container('image', {} as never, {} as never, async () => {});`;
    writeFileSync(join(folder, 'use.ts'), source);
    const options = [
      '--strict',
      '--noEmit',
      '--module',
      'nodenext',
      '--target',
      'es2023',
      '--types',
      'node',
      '--skipLibCheck',
    ];
    const args = ['--ignoreConfig', ...options, '--lib', 'es2023,esnext.disposable', 'use.ts'];
    await compile(args, folder).catch((error: { stdout: string }) => assert.fail(error.stdout));
  });
});
