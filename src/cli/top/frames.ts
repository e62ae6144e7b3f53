/** What a terminal is told to show another frame: the lines that differ from those it shows, in one piece. */

/** Shown at once by terminals that know how; harmless in others. */
const BEGIN = '\x1b[?2026h';
const END = '\x1b[?2026l';
const CLEAR_LINE_END = '\x1b[K';
const CLEAR_SCREEN_END = '\x1b[J';

export class Frames {
  /** Undefined: nobody knows what is on the screen. */
  #shown: readonly string[] | undefined;

  /** The screen was cleared, resized or written to by somebody else. */
  forget(): void {
    this.#shown = undefined;
  }

  /**
   * What to write, so that the screen shows these lines and nothing else; '' when it does.
   *
   * @param rows of the screen
   */
  next(lines: readonly string[], rows: number): string {
    const shown = this.#shown;
    this.#shown = lines;
    let text = '';
    lines.forEach((line, row) => {
      if (shown?.[row] !== line) text += `${at(row)}${line}${CLEAR_LINE_END}`;
    });
    // Behind the last row there is nothing to clear, and a cursor that is sent there stays in the last row.
    const isShorter = shown === undefined ? lines.length < rows : lines.length < shown.length;
    if (isShorter) text += `${at(lines.length)}${CLEAR_SCREEN_END}`;
    return text === '' ? '' : `${BEGIN}${text}${END}`;
  }
}

/** Moves the cursor to the beginning of a row, the first one being 0. */
function at(row: number): string {
  return `\x1b[${row + 1};1H`;
}
