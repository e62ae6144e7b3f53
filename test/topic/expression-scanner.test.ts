import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExpressionScanner } from '../../src/topic/expression-scanner.js';

const KINDS: Readonly<Record<string, string>> = {
  field: 'F',
  operator: 'O',
  value: 'V',
  separator: 'S',
  quoted: 'Q',
  illegal: 'I',
  other: '?',
  end: 'E',
};

// The rows of containerd's pkg/filters/scanner_test.go: byte offset, kind and, where it tells something, the text.
const rows: [input: string, tokens: string[]][] = [
  ['name', ['0F name', '4E']],
  ['name==value,foo!=bar', ['0F name', '4O ==', '6V value', '11S ,', '12F foo', '15O !=', '17V bar', '20E']],
  [
    'name==value,labels.foo=value,other.bar~=match',
    [
      ...['0F name', '4O ==', '6V value', '11S ,', '12F labels', '18S .', '19F foo', '22O =', '23V value', '28S ,'],
      ...['29F other', '34S .', '35F bar', '38O ~=', '40V match', '45E'],
    ],
  ],
  ['name~=[abc]+,foo=test', ['0F name', '4O ~=', '6V [abc]+', '12S ,', '13F foo', '16O =', '17V test', '21E']],
  ['name~=[abc]\\+,foo=test', ['0F name', '4O ~=', '6V [abc]\\+', '13S ,', '14F foo', '17O =', '18V test', '22E']],
  [
    'name~=/[abc]{0,2}/,foo=test',
    ['0F name', '4O ~=', '6Q /[abc]{0,2}/', '18S ,', '19F foo', '22O =', '23V test', '27E'],
  ],
  [
    'name~=牛,labels.moo=true',
    ['0F name', '4O ~=', '6V 牛', '9S ,', '10F labels', '16S .', '17F moo', '20O =', '21V true', '25E'],
  ],
  [
    'name~=|牛|,labels.moo=true',
    ['0F name', '4O ~=', '6Q |牛|', '11S ,', '12F labels', '18S .', '19F moo', '22O =', '23V true', '27E'],
  ],
  ['name~="asdf\\n\\tfooo"', ['0F name', '4O ~=', '6Q "asdf\\n\\tfooo"', '20E']],
  ['foo\0bar', ['0F foo', '3I unexpected null', '4F bar', '7E']],
  ['foo = bar    ', ['0F foo', '4O =', '6V bar', '13E']],
  [
    'compound.labels==punctuated_value.foo-bar',
    ['0F compound', '8S .', '9F labels', '15O ==', '17V punctuated_value.foo-bar', '41E'],
  ],
  ['interrupted=', ['0F interrupted', '11O =', '12E']],
  ['doublevalue=value value', ['0F doublevalue', '11O =', '12V value', '18F value', '23E']],
  ['"leading quote".postquote==value', ['0Q "leading quote"', '15S .', '16F postquote', '25O ==', '27V value', '32E']],
  ['input==,id!=ff', ['0F input', '5O ==', '7S ,', '8F id', '10O !=', '12V ff', '14E']],
  ['input~=/foo\\/bar/,id!=ff', ['0F input', '5O ~=', '7Q /foo\\/bar/', '17S ,', '18F id', '20O !=', '22V ff', '24E']],
  ['input~=|foo/bar|,id!=ff', ['0F input', '5O ~=', '7Q |foo/bar|', '16S ,', '17F id', '19O !=', '21V ff', '23E']],
  [
    'labels.containerd.io/key==value',
    ['0F labels', '6S .', '7F containerd', '17S .', '18F io', '20I quoted literal not terminated', '31E'],
  ],
  [
    'labels."containerd.io\nkey"==value',
    ['0F labels', '6S .', '7I quoted literal not terminated', '22F key', '25I quoted literal not terminated', '33E'],
  ],
  ['labels."\\g"', ['0F labels', '6S .', '7I illegal escape sequence', '11E']],
  ['labels."\\xaz"', ['0F labels', '6S .', '7I illegal numeric escape sequence', '13E']],
  // Ours from here on: order operators, and where "<" is still a value.
  ['size<=5,a>b', ['0F size', '4O <=', '6V 5', '7S ,', '8F a', '9O >', '10V b', '11E']],
  ['a==<b>', ['0F a', '1O ==', '3V <b>', '6E']],
  ['a\ud800', ['0F a', '1I rune error', '4E']],
];

for (const [input, expected] of rows) {
  test(`scanner: ${JSON.stringify(input)}`, () => {
    const scanner = new ExpressionScanner(input);
    const found: string[] = [];
    for (let kind = ''; kind !== 'end'; ) {
      const token = scanner.scan();
      kind = token.kind;
      const offset = Buffer.byteLength(input.slice(0, token.position));
      found.push(`${offset}${KINDS[kind]} ${token.text}`.trimEnd());
    }
    assert.deepEqual(found, expected);
  });
}
