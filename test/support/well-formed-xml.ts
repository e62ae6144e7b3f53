import assert from 'node:assert/strict';

/** Fails unless there is one root, every element is closed, in order, and attributes and text are escaped. */
export function assertWellFormed(xml: string): void {
  const open: string[] = [];
  let roots = 0;
  let end = 0;
  for (const match of xml.matchAll(/<(\/?)([a-z]+)((?:\s+[\w:-]+="[^"<&]*")*)\s*(\/?)>/gi)) {
    const [tag, closing, name, attributes, empty] = match;
    const between = xml.slice(end, match.index);
    assert.doesNotMatch(between, /[<>]|&(?!(amp|lt|gt|quot);)/, between);
    if (open.length === 0) {
      roots++;
      assert.equal(between.trim(), '');
    }
    const names = [...attributes!.matchAll(/([\w:-]+)=/g)].map(([, attribute]) => attribute);
    assert.equal(new Set(names).size, names.length, tag);
    if (closing === '/') assert.equal(open.pop(), name, tag);
    else if (empty !== '/') open.push(name!);
    end = match.index + tag.length;
  }
  assert.deepEqual(open, []);
  assert.equal(roots, 1);
  assert.equal(xml.slice(end).trim(), '');
}
