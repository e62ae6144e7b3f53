/** Lines of generated code. What is for TypeScript alone is marked in them, so that the same lines are JavaScript, too. */

const OPEN = '\ue000';
const CLOSE = '\ue001';
const MARKED = new RegExp(`${OPEN}[^${CLOSE}]*${CLOSE}`, 'g');

/** Marks what a module in JavaScript goes without. */
export function typed(text: string): string {
  return `${OPEN}${text}${CLOSE}`;
}

export type Language = 'javascript' | 'typescript';

/** The lines as they are in a module. */
export function linesIn(language: Language, lines: readonly string[]): string[] {
  if (language === 'typescript') return lines.map((line) => line.replaceAll(OPEN, '').replaceAll(CLOSE, ''));
  return lines.flatMap((line) => {
    if (!line.includes(OPEN)) return [line];
    const left = line.replace(MARKED, '').trimEnd();
    return left === '' ? [] : [left];
  });
}

/** Two spaces before each line. */
export function indent(lines: readonly string[]): string[] {
  return lines.map((line) => (line === '' ? line : `  ${line}`));
}

export function docComment(text: string): string[] {
  const lines = text
    .replaceAll('*/', '*∕')
    .split(/\r?\n/)
    .map((line) => line.replace(/[\p{Cc}\p{Co}\u2028\u2029]/gu, ' '));
  return lines.length === 1 ? [`/** ${lines[0]} */`] : ['/**', ...lines.map((line) => ` * ${line}`.trimEnd()), ' */'];
}
