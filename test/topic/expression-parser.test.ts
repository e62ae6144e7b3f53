import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvalidFilterError } from '../../src/errors.js';
import { parseExpression } from '../../src/topic/expression-parser.js';
import { compileFilter } from '../../src/topic/filter.js';
import { passes } from '../support/plain-envelopes.js';

// containerd's pkg/filters/filter_test.go: the objects, and which of them each filter selects. The fields are those of an
// event here, so every path gets "event" in front.
const objects: Record<string, unknown>[] = [
  { name: 'foo', labels: { foo: 'true' } },
  { name: 'bar' },
  { name: 'foo', labels: { foo: 'present', 'more complex label': 'present' } },
  { name: 'bar', labels: { bar: 'true' } },
  { name: 'fooer', labels: { 'more complex label with \\ and "': 'present' } },
  { name: 'fooer', labels: { 'more complex label with \\ and ".post': 'present' } },
  { name: 'baz', other: 'too complex, yo' },
  { name: 'bazo', other: 'abc' },
  { name: 'compound', labels: { foo: 'omg_asdf.asdf-qwer' } },
];
const all = [0, 1, 2, 3, 4, 5, 6, 7, 8];
const selections: [filter: string, selected: number[]][] = [
  ['', all],
  ['name', all],
  ['labels.foo', [0, 2, 8]],
  ['labels.foo,name', [0, 2, 8]],
  ['labels.foo==true', [0]],
  ['labels.foo==omg_asdf.asdf-qwer', [8]],
  ['name==bar', [1, 3]],
  ['name!=bar', [0, 2, 4, 5, 6, 7, 8]],
  ['other=="too complex, yo"', [6]],
  ['other~=/[abc]+/,name!=foo', [6, 7]],
  ['other~=/[abc]{1,2}/,name!=foo', [6, 7]],
  ['other~=/[abc]{0,1}"\\//,name!=foo', []],
  ['name==bar,labels.bar==true', [3]],
  ['name==bar,labels.bar==wrong', []],
  ['name==foo,labels."more complex label"', [2]],
  ['labels."more complex label with \\\\ and \\""==present', [4]],
  ['labels."more complex label with \\\\ and \\"".post==present', [5]],
  ['name==bar,labels.bar', [3]],
  ['other~=[abc]+,name!=foo', [6, 7]],
];

function underEvent(expression: string): string {
  return parseExpression(expression)
    .map(({ path, operator, operand }) => {
      const field = ['event', ...path].map((part) => JSON.stringify(part)).join('.');
      return operator === 'present' ? field : `${field}${operator}${JSON.stringify(operand)}`;
    })
    .join(',');
}

for (const [filter, selected] of selections) {
  test(`filter_test.go: ${filter} selects ${selected}`, () => {
    const expression = underEvent(filter);
    const found = objects.flatMap((event, index) =>
      passes(expression, { topic: '/t', namespace: 'n', seconds: 0, nanos: 0, event }) ? [index] : [],
    );
    assert.deepEqual(found, selected);
  });
}

// Errors: containerd's text, exactly, and what our text goes on with.
const errors: [filter: string, text: string, position: number, mend?: RegExp][] = [
  // filter_test.go
  ['labels.|foo|==omg_asdf.asdf-qwer', '[labels. >|||< foo|==omg_asdf.asdf-qwer]: invalid quote encountered', 7],
  ['labels.?"a".post==present', '[labels. >|?|< "a".post==present]: expected field or quoted', 7],
  ['name==foo,', '[name==foo,]: expected field or quoted', 10, /remove the last ","/],
  ['labels.', '[labels.]: expected field or quoted', 7],
  ['image~=,id?=?fbaq', '[image~= >|,|< id?=?fbaq]: expected value or quoted', 7, /the empty value is written ""/],
  [
    'labels.ns/key==value',
    '[labels.ns >|/|< key==value]: quoted literal not terminated',
    9,
    /quote the field: "ns\/key"$/,
  ],
  [
    'labels.key==/value',
    '[labels.key== >|/|< value]: quoted literal not terminated',
    12,
    /quote the value: labels.key=="\/value"$/,
  ],
  // Run against containerd's parser.
  [
    'topic==/tasks/exit',
    '[topic== >|/|< tasks/exit]: invalid quote encountered',
    7,
    /quote the value: topic=="\/tasks\/exit"$/,
  ],
  ['topic==|/tasks/exit|', '[topic== >|||< /tasks/exit|]: invalid quote encountered', 7, /topic=="\/tasks\/exit"$/],
  ['topic~=/tasks/.+', '[topic~=/tasks/ >|.|< +]: unexpected input: .', 14, /quote the value: topic~="\/tasks\/.+"$/],
  ['namespace==hello world', '[namespace==hello >| |< world]: unexpected input:  ', 16, /namespace=="hello world"$/],
  ["topic='/tasks/exit'", `[topic >|=|< '/tasks/exit']: unsupported operator "="`, 5, /write topic=="\/tasks\/exit"$/],
  ['topic=~x', '[topic >|=|< ~x]: unsupported operator "=~"', 5, /write topic~=x$/],
  ['topic===x', '[topic >|=|< ==x]: unsupported operator "==="', 5, /write topic==x$/],
  ['a-b==x', '[a >|-|< b==x]: expected an operator ("=="|"!="|"~=")', 1, /quote the field: "a-b"$/],
  ['topic;namespace', '[topic >|;|< namespace]: expected an operator ("=="|"!="|"~=")', 5],
  ['topic,', '[topic,]: expected field or quoted', 6, /remove the last ","/],
  [',topic', '[ >|,|< topic]: expected field or quoted', 0],
  ['event.', '[event.]: expected field or quoted', 6],
  ['topic ,x', '[topic  >|,|< x]: expected an operator ("=="|"!="|"~=")', 6, /remove the white space/],
  ['topic==x ', '[topic==x >| |< ]: unexpected input:  ', 8, /remove the white space behind the value/],
  ['topic~="\\d+"', '[topic~= >|"|< \\d+"]: illegal escape sequence', 7, /write "\\\\" for each/],
  ['a=="\\400"', '[a== >|"|< \\400"]: unquoting failed: invalid syntax', 3],
  ['a=="\\ud800"', '[a== >|"|< \\ud800"]: unquoting failed: invalid syntax', 3],
  ['a==1 && b==2', '[a==1 >| |< && b==2]: unexpected input:  ', 4, /"and" is written ","/],
  ['a==1 or b==2', '[a==1 >| |< or b==2]: unexpected input:  ', 4, /"or" as a list of expressions/],
  ['a=="x"\u{1f600}', '[a=="x" >|\u{1f600}|< ]: unexpected input: \u{1f600}', 6],
  [
    'topic~=exit{1,2}',
    '[topic~=exit{1,2 >|}|< ]: expected an operator ("=="|"!="|"~=")',
    15,
    /quote a regular expression that holds ","/,
  ],
  ['event.id=="a', '[event.id== >|"|< a]: quoted literal not terminated', 10, /close the quote/],
  // What was meant as a glob.
  [
    'topic==/tasks/*',
    '[topic== >|/|< tasks/*]: invalid quote encountered',
    7,
    /a glob is a filter of its own: "\/tasks\/\*"$/,
  ],
  [
    'topic=/tasks/*',
    '[topic >|=|< /tasks/*]: unsupported operator "="',
    5,
    /a glob is a filter of its own: "\/tasks\/\*"$/,
  ],
  ['tasks/*', '[tasks >|/|< *]: quoted literal not terminated', 5, /write "\/tasks\/\*"$/],
  ['*', '[ >|*|< ]: expected field or quoted', 0, /every topic write "\*\*"$/],
  [' /tasks/*', '[  >|/|< tasks/*]: invalid quote encountered', 1, /write "\/tasks\/\*"$/],
  ['!/tasks/**', '[ >|!|< /tasks/**]: expected field or quoted', 0, /exclude: "\/tasks\/\*\*"/],
];
for (const [filter, text, position, mend] of errors) {
  test(`expression ${JSON.stringify(filter)} is refused at ${position}`, () => {
    assert.throws(
      () => compileFilter(filter),
      (error) => {
        assert.ok(error instanceof InvalidFilterError);
        const [upstream, ...rest] = error.reason.split('; ');
        const known = `filters: parse error: ${text}`;
        assert.equal(text.includes('; ') ? error.reason.slice(0, known.length) : upstream, known);
        assert.equal(error.position, position);
        if (mend !== undefined) assert.match(rest.join('; '), mend);
        return true;
      },
    );
  });
}

const operands: [expression: string, operand: string][] = [
  ['a=="\\a\\b\\f\\n\\r\\t\\v\\\\\\""', '\x07\b\f\n\r\t\v\\"'],
  ['a=="\\x41\\101\\u0041\\U0001f600"', 'AAA\u{1f600}'],
  ['a=="\\xe7\\x89\\x9b"', '牛'],
  ['a=="牛"', '牛'],
  ['a~=/x\\/y/', 'x/y'],
  ['a~=|x\\|y|', 'x|y'],
  ['a==""', ''],
  ["a=='x'", "'x'"],
  ['a==b.c-d/e', 'b.c-d/e'],
  [' a == b', 'b'],
  ['a\t!=\tb', 'b'],
];
for (const [expression, operand] of operands) {
  test(`the operand of ${expression} is ${JSON.stringify(operand)}`, () => {
    assert.equal(parseExpression(expression)[0]?.operand, operand);
  });
}
