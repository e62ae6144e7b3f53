/** The tables of options, events and statistics in src/bus/README.md name what is declared, in any order, and nothing else. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

const page = readFileSync(new URL('../../../src/bus/README.md', import.meta.url), 'utf8');

/** The names in the first column of the table whose header begins so: `pending.events`, `.bytes` are two of `pending`. */
function documented(header: string): string[] {
  const start = page.split('\n').findIndex((line) => line.replaceAll(/ +/g, ' ').startsWith(header));
  assert.ok(start >= 0, `there is no table ${header}`);
  const rows = page.split('\n').slice(start + 2);
  const cells = rows.slice(0, rows.indexOf('')).map((row) => row.split(' | ')[0]!);
  return cells.flatMap((cell) => {
    const names = [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
    return names.map((name) => (name.startsWith('.') ? names[0]!.replace(/\..*/, name) : name));
  });
}

/** The properties that an interface declares itself; those of an object in it with its name before theirs. */
function declared(file: string, name: string): string[] {
  const text = readFileSync(new URL(`../../src/${file}.d.ts`, import.meta.url), 'utf8');
  const body = new RegExp(`interface ${name}\\b[^{]*\\{\n([\\s\\S]*?)\n\\}`).exec(text)?.[1];
  assert.ok(body !== undefined, `${file} declares no ${name}`);
  const properties: string[] = [];
  let outer: string | undefined;
  for (const line of body.split('\n')) {
    const [, indent, property, opens] = /^( {4}| {8})(?:readonly )?(\w+)\??(?:: (\{$)?|\()/.exec(line) ?? [];
    if (property === undefined) continue;
    if (indent === '    ') outer = opens === undefined ? undefined : property;
    if (indent === '    ' && opens === undefined) properties.push(property);
    else if (indent !== '    ' && outer !== undefined) properties.push(`${outer}.${property}`);
  }
  return properties;
}

const TABLES: readonly [header: string, declarations: readonly (readonly [file: string, name: string])[]][] = [
  ['| option | unit and range', [['bus/bus-options', 'BusOptions']]],
  [
    '| option | for |',
    [
      ['subscribe/subscribe-options', 'SubscribeOptions'],
      ['subscribe/subscribe-options', 'HandlerOptions'],
      ['subscribe/subscribe-options', 'ModuleOptions'],
      ['subscribe/thread-options', 'ModuleThreadOptions'],
    ],
  ],
  ['| key of `restart` |', [['worker/supervision/restart-policy', 'RestartOptions']]],
  ['| event of a bus |', [['bus/bus-events', 'BusEvents']]],
  ['| event of a subscription |', [['subscribe/subscription-events', 'SubscriptionEvents']]],
  ['| field of `bus.stats()` |', [['observe/bus-stats', 'BusStats']]],
  ['| field of `stats().connections` |', [['connect/connected-thread', 'ConnectionStats']]],
  ['| field of `subscription.stats()` |', [['subscribe/subscription-stats', 'SubscriptionStats']]],
];

describe('the tables of the reference', () => {
  for (const [header, declarations] of TABLES) {
    test(`${header} lists what ${declarations.map(([, name]) => name).join(', ')} declare`, () => {
      const properties = declarations.flatMap(([file, name]) => declared(file, name));
      assert.ok(properties.length > 2, 'the declarations were read');
      assert.deepEqual(documented(header).toSorted(), properties.toSorted());
    });
  }
});
