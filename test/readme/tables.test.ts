/**
 * The tables of the pages name what is declared, in any order, and nothing else: options, events, statistics, methods. Those
 * of methods name the codes of the errors that the doc comments name.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

/** The first and the last cell of each row of the table whose header begins so. */
function rowsOf(page: string, header: string): { readonly first: string; readonly last: string }[] {
  const lines = readFileSync(new URL(`../../../src/${page}/README.md`, import.meta.url), 'utf8').split('\n');
  const start = lines.findIndex((line) => line.replaceAll(/ +/g, ' ').startsWith(header));
  assert.ok(start >= 0, `there is no table ${header}`);
  const rows = lines.slice(start + 2);
  return rows.slice(0, rows.indexOf('')).map((row) => {
    const cells = row.split(' | ');
    return { first: cells[0]!, last: cells.at(-1)! };
  });
}

/** The names in the first column: `pending.events`, `.bytes` are two of `pending`. */
function documented(page: string, header: string): string[] {
  return rowsOf(page, header).flatMap(({ first }) => {
    const names = [...first.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
    return names.map((name) => (name.startsWith('.') ? names[0]!.replace(/\..*/, name) : name));
  });
}

/** The body of an interface or a class. */
function bodyOf(file: string, name: string): string {
  const text = readFileSync(new URL(`../../src/${file}.d.ts`, import.meta.url), 'utf8');
  const body = new RegExp(`(?:interface|class) ${name}\\b[^{]*\\{\n([\\s\\S]*?)\n\\}`).exec(text)?.[1];
  assert.ok(body !== undefined, `${file} declares no ${name}`);
  return body;
}

/** The properties that an interface declares itself; those of an object in it with its name before theirs. */
function declared(file: string, name: string): string[] {
  const properties: string[] = [];
  let outer: string | undefined;
  for (const line of bodyOf(file, name).split('\n')) {
    const [, indent, property, opens] = /^( {4}| {8})(?:readonly )?(\w+)\??(?:: (\{$)?|\()/.exec(line) ?? [];
    if (property === undefined) continue;
    if (indent === '    ') outer = opens === undefined ? undefined : property;
    if (indent === '    ' && opens === undefined) properties.push(property);
    else if (indent !== '    ' && outer !== undefined) properties.push(`${outer}.${property}`);
  }
  return properties;
}

/** What a class has, and the codes of errors in the doc comment of each: `{ 'get': ['SERVICE_NOT_FOUND'], 'pid': [] }`. */
function methodsOf(file: string, name: string): Record<string, string[]> {
  const methods: Record<string, string[]> = {};
  let codes: string[] = [];
  for (const line of bodyOf(file, name).split('\n')) {
    codes.push(...[...line.matchAll(/@throws \{\w+\} `(\w+)`/g)].map(([, code]) => code!));
    const [, method] = /^ {4}(?:static )?(?:get )?(\w+)(?:<\w+>)?\(/.exec(line) ?? [];
    if (method !== undefined && method !== 'constructor') methods[method] = codes.toSorted();
    if (/^ {4}\w/.test(line)) codes = [];
  }
  return methods;
}

type Declaration = readonly [file: string, name: string];

const TABLES: readonly [
  page: string,
  header: string,
  declarations: readonly Declaration[],
  others?: readonly string[],
][] = [
  ['bus', '| option | unit and range', [['bus/bus-options', 'BusOptions']]],
  [
    'bus',
    '| option | for |',
    [
      ['subscribe/subscribe-options', 'SubscribeOptions'],
      ['subscribe/subscribe-options', 'HandlerOptions'],
      ['subscribe/subscribe-options', 'ModuleOptions'],
      ['subscribe/thread-options', 'ModuleThreadOptions'],
    ],
  ],
  ['bus', '| key of `restart` |', [['worker/supervision/restart-policy', 'RestartOptions']]],
  ['bus', '| event of a bus |', [['bus/bus-events', 'BusEvents']]],
  ['bus', '| event of a subscription |', [['subscribe/subscription-events', 'SubscriptionEvents']]],
  ['bus', '| field of `bus.stats()` |', [['observe/bus-stats', 'BusStats']]],
  ['bus', '| field of `stats().connections` |', [['connect/connection-stats', 'ConnectionStats']]],
  ['bus', '| field of `subscription.stats()` |', [['subscribe/subscription-stats', 'SubscriptionStats']]],
  ['services', '| option of `openServices` |', [['services/services', 'ServicesOptions']]],
  [
    'services',
    '| option of `layers` |',
    [
      ['services/rootfs/layer', 'LayerOptions'],
      ['services/rootfs/tar-reader', 'ArchiveLimits'],
    ],
  ],
  [
    'services',
    '| option of `importArchive` and',
    [
      ['services/image/image-import', 'ImportOptions'],
      ['services/rootfs/tar-reader', 'ArchiveLimits'],
    ],
  ],
  ['services', '| option of `containers.create` |', [['services/container/container-service', 'CreateOptions']]],
  ['services', '| option of `container.exec` |', [['services/container/runtime', 'ProcessSpec']], ['execId']],
  [
    'services',
    '| option of `content.write` and',
    [
      ['services/content/ingest', 'IngestOptions'],
      ['services/content/ingest', 'Expectation'],
    ],
    ['mediaType', 'ref'],
  ],
  ['services', '| option of `storm` |', [['services/storm', 'StormOptions']]],
  ['services', '| key of a plugin |', [['services/plugin/plugin-registry', 'Plugin']]],
];

const METHODS: readonly [page: string, file: string, name: string][] = [
  ['services', 'services/container/container-service', 'ContainerService'],
  ['services', 'services/container/container', 'Container'],
  ['services', 'services/content/content-store', 'ContentStore'],
  ['services', 'services/content/ingest', 'Ingest'],
  ['services', 'services/image/image-store', 'ImageStore'],
  ['services', 'services/image/image-import', 'ImageImporter'],
  ['services', 'services/rootfs/snapshotter', 'Snapshotter'],
  ['services', 'services/rootfs/unpacker', 'Unpacker'],
  ['services', 'services/plugin/plugin-registry', 'PluginRegistry'],
];

describe('the tables of the reference', () => {
  for (const [page, header, declarations, others = []] of TABLES) {
    test(`${header} lists what ${declarations.map(([, name]) => name).join(', ')} declare`, () => {
      const properties = [...declarations.flatMap(([file, name]) => declared(file, name)), ...others];
      assert.ok(properties.length > 2, 'the declarations were read');
      assert.deepEqual(documented(page, header).toSorted(), properties.toSorted());
    });
  }

  for (const [page, file, name] of METHODS) {
    test(`the one of ${name} lists its methods, and the codes that their doc comments name`, () => {
      const lines = readFileSync(new URL(`../../../src/${page}/README.md`, import.meta.url), 'utf8').split('\n');
      const header = lines.find((line) => line.startsWith('| method') && line.includes(`(\`${name}\`)`));
      assert.ok(header !== undefined, `there is no table of ${name}`);
      const listed = rowsOf(page, header.replaceAll(/ +/g, ' ')).flatMap(({ first, last }) => {
        const names = [...first.matchAll(/`(?:\w+\.)?(\w+)[^`]*`/g)].map((match) => match[1]!);
        const codes = [...last.matchAll(/`(\w+)`/g)].map(([, code]) => `SERVICE_${code}`);
        return names.map((method) => [method, codes.toSorted()]);
      });
      const methods = methodsOf(file, name);
      assert.ok(
        Object.values(methods).some((codes) => codes.length > 0),
        'the doc comments were read',
      );
      assert.deepEqual(Object.fromEntries(listed), methods);
    });
  }
});
