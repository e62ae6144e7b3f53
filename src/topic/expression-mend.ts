/** Suggestions for filter expressions that do not parse: what was probably meant, and how it is written. */

const MEANT: Readonly<Record<string, string>> = {
  '=': '==',
  '===': '==',
  '=~': '~=',
  '~': '~=',
  '~==': '~=',
  '!': '!=',
  '!==': '!=',
  '!~': '~=',
  '=<': '<=',
  '=>': '>=',
  '<>': '!=',
};

/**
 * How to write what was probably meant; undefined when the fault says all there is to say.
 *
 * @param position where parsing failed, in UTF-16 units
 * @param fault containerd's words for it
 */
export function suggestMend(expression: string, position: number, fault: string): string | undefined {
  if (looksLikeGlob(expression)) return globMend(expression.trim());
  if (/&&|\|\||\s(and|or)\s/i.test(expression) || expression[position] === ';')
    return '"and" is written ",", "or" as a list of expressions';

  const start = expression.lastIndexOf(',', position - 1) + 1;
  const selector = expression.slice(start);
  const parts = /^([^=!~<>]*)([=!~<>]+)([^,]*)/.exec(selector);
  const operatorEnd = parts === null ? Number.POSITIVE_INFINITY : start + parts[1]!.length + parts[2]!.length;
  if (parts !== null && fault.startsWith('unsupported operator')) {
    const operator = MEANT[parts[2]!];
    if (operator === undefined) return 'operators are "==", "!=", "~=", "<", "<=", ">" and ">="';
    return `write ${parts[1]!.trim()}${operator}${quoteWhereNeeded(parts[3]!)}`;
  }
  if (parts !== null && position >= operatorEnd) {
    const value = parts[3]!.trim();
    if (value === '') return fault.startsWith('expected value') ? 'the empty value is written ""' : undefined;
    if (
      fault.startsWith('unexpected input') &&
      /^(".*"|[^\s"]+)$/s.test(value) &&
      /\s/.test(expression[position] ?? '')
    ) {
      return 'leave out the white space behind the value';
    }
    return /\\[^\\]/.test(value) && fault.startsWith('illegal')
      ? 'inside quotes write "\\\\" for each "\\" of a regular expression'
      : `quote the value: ${parts[1]!.trim()}${parts[2]}${quoted(value)}`;
  }
  return fieldMend(expression, position);
}

function fieldMend(expression: string, position: number): string | undefined {
  const before = /[^.,\s=!~<>]*$/.exec(expression.slice(0, position))![0];
  const after = /^[^.,\s=!~<>]*/.exec(expression.slice(position))![0];
  const field = before + after;
  if (field !== '') return `quote the field: ${quoted(field)}`;
  if (position >= expression.length) return /,\s*$/.test(expression) ? 'leave out the last ","' : undefined;
  return /^\s/.test(expression.slice(position - 1)) ? 'leave out the white space behind the field' : undefined;
}

function looksLikeGlob(expression: string): boolean {
  if (/[=~<>]/.test(expression)) return false;
  return (
    expression.includes('*') ||
    (expression.includes('/') && !/^(topic|namespace|timestamp|event|labels)\b/.test(expression))
  );
}

function globMend(glob: string): string {
  if (glob === '*') return 'to select every topic write "**"';
  if (glob.startsWith('!'))
    return `to leave topics out use the key "exclude": { exclude: ${JSON.stringify(rooted(glob.slice(1)))} }`;
  return `a glob starts with "/" or "**": write ${JSON.stringify(rooted(glob))}`;
}

function rooted(glob: string): string {
  return /^(\/|\*\*)/.test(glob) ? glob : `/${glob.replace(/^\.\//, '')}`;
}

function quoteWhereNeeded(value: string): string {
  return /^[A-Za-z0-9_.:-]+$/.test(value.trim()) ? value.trim() : quoted(value.trim());
}

/** In double quotes, without the other quotes it may already stand in. */
function quoted(text: string): string {
  return JSON.stringify(/^(['"|`]).*\1$/s.test(text) && text.length > 1 ? text.slice(1, -1) : text);
}
