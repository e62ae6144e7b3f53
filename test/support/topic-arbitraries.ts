/** Random topics and globs over a small alphabet, so that they match each other often. */
import fc from 'fast-check';

const segment = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'ab', 'ba', 'aa', 'a.b', 'b-a', 'a_1', 'B', '1') },
  { weight: 1, arbitrary: fc.stringMatching(/^[ab1]{1,4}([._-][ab1]{1,2}){0,2}$/) },
);

/** A valid topic of one to five segments. */
export const topics = fc.array(segment, { minLength: 1, maxLength: 5 }).map((segments) => `/${segments.join('/')}`);

const characterClass = fc.constantFrom(
  '[ab]',
  '[^a]',
  '[a-b1]',
  '[^._-]',
  '[[:digit:]a]',
  '[[:alpha:]]',
  '[.a-]',
  '[-b]',
);

/** A glob in our grammar; some of them can match no topic. At most a handful of stars, so that picomatch stays quick. */
export const globs = fc
  .letrec<{ item: string; items: string }>((tie) => ({
    items: fc.array(tie('item'), { maxLength: 4 }).map((items) => items.join('')),
    item: fc.oneof(
      { maxDepth: 3, depthIdentifier: 'glob' },
      { weight: 10, arbitrary: fc.constantFrom('a', 'b', 'a', 'b', '/', '/', '1', '.', '-') },
      { weight: 2, arbitrary: fc.constantFrom('*', '?') },
      { weight: 3, arbitrary: fc.constantFrom('**', '/**', '/**/', '/*', '***', '/*/**') },
      { weight: 1, arbitrary: characterClass },
      { weight: 1, arbitrary: fc.constantFrom('{a..b}', '{0..1}', '{b..a}') },
      {
        weight: 3,
        arbitrary: fc.array(tie('items'), { minLength: 2, maxLength: 3 }).map((choices) => `{${choices.join(',')}}`),
      },
    ),
  }))
  .items.chain((head) => fc.constantFrom('/', '/a', '/a/', '**/', '/**/').map((start) => start + head))
  .filter((glob) => (glob.match(/\*+/g)?.length ?? 0) <= 6);
