/** Text as cells of a terminal: what another process says is text, and never a command to the terminal. */

/**
 * Controls, what formats or turns the direction of text, breaks of lines, halves of characters, and what joins the character before
 * it: none of them takes a cell that could be counted.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{M}]/gu;
/** Two cells each. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f000}-\u{1faff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;

/** One line of at most `width` cells; what is longer ends with `~`. */
export function cut(text: string, width: number): string {
  const shown = text.replace(UNPRINTABLE, '?');
  if (widthOf(shown) <= width) return shown;
  let fits = '';
  let left = width - 1;
  for (const character of shown) {
    left -= widthOf(character);
    if (left < 0) break;
    fits += character;
  }
  return width < 1 ? '' : `${fits}~`;
}

/** The same, filled up to `width` cells. */
export function fitted(text: string, width: number, right = false): string {
  const shown = cut(text, width);
  const blank = ' '.repeat(Math.max(0, width - widthOf(shown)));
  return right ? blank + shown : shown + blank;
}

/** Cells that printable text takes. */
function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += WIDE.test(character) ? 2 : 1;
  return width;
}
