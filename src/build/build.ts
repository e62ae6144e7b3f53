/** The last step of `npm run build`: makes of the compiled modules what is published. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BUNDLED_PACKAGES, ENTRIES, writeChunks } from './chunks.js';
import { copyDeclarations } from './declarations.js';
import { writeLicences } from './licences.js';
import { PAGE_PACKAGE, writePage } from './page.js';

/** The entries that users import; the one of threads is loaded by threads alone. */
const PUBLIC_ENTRIES = [
  'index',
  'events',
  'codec',
  'services',
  'testing',
  'ttrpc',
  'containerd',
  'nats',
  'opentelemetry',
] as const;

const root = fileURLToPath(new URL('../../..', import.meta.url));
const compiled = join(root, 'dist/src');
const out = join(root, 'dist/lib');
const types = join(root, 'dist/types');

for (const folder of [out, types]) rmSync(folder, { recursive: true, force: true });
await writeChunks(compiled, out);
await writePage(root, join(out, 'top-page'));
// `require` gets the very modules that `import` gets. Jest's own `require` takes no ES module before Node 24.9: Node's does, of
// which Jest's `Module` is a subclass.
for (const name of PUBLIC_ENTRIES) {
  const entry = `'./${name}.js'`;
  writeFileSync(
    join(out, `${name}.cjs`),
    `try {
  module.exports = require(${entry});
} catch (error) {
  const { createRequire } = Object.getPrototypeOf(process.getBuiltinModule('node:module'));
  if (error.code !== 'ERR_REQUIRE_ESM' || createRequire === undefined) throw error;
  module.exports = createRequire(__filename)(${entry});
}
`,
  );
}
// What piscina loads. The compiled modules, as the tests run them, start the published threads: these load in half the time.
for (const [file, entry] of [
  [join(out, 'worker-entry.cjs'), './worker-entry.js'],
  [join(compiled, 'worker-entry.cjs'), '../lib/worker-entry.js'],
  [join(out, 'unpack-thread.cjs'), './unpack-thread.js'],
  [join(compiled, 'services/rootfs/unpack-thread.cjs'), '../../../lib/unpack-thread.js'],
] as const) {
  writeFileSync(file, `module.exports = import(${JSON.stringify(entry)}).then((entry) => entry.default);\n`);
}
copyDeclarations(
  compiled,
  [...PUBLIC_ENTRIES, 'worker-entry' as const].map((name) => ENTRIES[name]),
  types,
);
writeLicences(root, [...BUNDLED_PACKAGES, PAGE_PACKAGE], join(out, 'THIRD-PARTY-LICENSES.txt'));
