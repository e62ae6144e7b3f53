/** Suggestions for filter expressions that do not parse: what was probably meant, and how it is written. */
import { topicFault } from './topic.js';

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
  if (expression[position] === ';' || /&&|\|\||\s(and|or)\s/i.test(expression)) {
    return '"and" is written ",", "or" as a list of expressions';
  }
  const start = expression.lastIndexOf(',', position - 1) + 1;
  if (/~=[^",]*\{[^"}]*,$/.test(expression.slice(0, start))) return 'quote a regular expression that holds ","';

  const [, path, operator, value] = /^([^=!~<>]*)([=!~<>]+)([^,]*)/.exec(expression.slice(start)) ?? [];
  if (path === undefined || operator === undefined || value === undefined) return fieldMend(expression, position);
  if (path.trim() === 'topic' && operator !== '~=' && /^\/.*[*?[{]/.test(value.trim())) {
    return `a glob is a filter of its own: ${quoted(value.trim())}`;
  }
  if (fault.startsWith('unsupported operator')) {
    const meant = MEANT[operator];
    if (meant === undefined) return 'operators are "==", "!=", "~=", "<", "<=", ">" and ">="';
    return `write ${path.trim()}${meant}${quotedWhereNeeded(value.trim())}`;
  }
  if (position < start + path.length + operator.length) return fieldMend(expression, position);
  return valueMend(path.trim() + operator, value, fault);
}

function fieldMend(expression: string, position: number): string | undefined {
  const before = /[^.,\s=!~<>]*$/.exec(expression.slice(0, position))![0];
  const after = /^[^.,\s=!~<>]*/.exec(expression.slice(position))![0];
  if (before !== '' || /^["/|]./.test(after)) return `quote the field: ${quoted(before + after)}`;
  if (position === expression.length) return /,\s*$/.test(expression) ? 'remove the last ","' : undefined;
  if (/^\s+$/.test(expression.slice(position))) return 'remove the white space at the end';
  return /\s,/.test(expression.slice(position - 1, position + 1)) ? 'remove the white space before ","' : undefined;
}

function valueMend(selector: string, value: string, fault: string): string | undefined {
  const trimmed = value.trim();
  if (trimmed === '') return 'the empty value is written ""';
  if (trimmed.startsWith('"')) {
    if (fault.startsWith('illegal')) return 'inside quotes write "\\\\" for each "\\" of a regular expression';
    if (fault.endsWith('not terminated')) return 'close the quote';
  }
  if (trimmed !== value.trimStart() && /^(".*"|[^\s"]+)$/s.test(trimmed)) {
    return 'remove the white space behind the value';
  }
  return trimmed.startsWith('"') ? 'separate selectors by ","' : `quote the value: ${selector}${quoted(trimmed)}`;
}

function looksLikeGlob(expression: string): boolean {
  if (/[=~<>]/.test(expression)) return false;
  if (expression.includes('*')) return true;
  const isTopic = topicFault(`/${expression.trim()}`) === undefined;
  return (isTopic || expression.includes('/')) && !/^\s*(topic|namespace|timestamp|event|labels)\b/.test(expression);
}

function globMend(glob: string): string {
  if (glob === '*') return 'to select every topic write "**"';
  if (glob.startsWith('!')) return `to leave topics out: { exclude: ${JSON.stringify(rooted(glob.slice(1)))} }`;
  return `a glob starts with "/" or "**": write ${JSON.stringify(rooted(glob))}`;
}

function rooted(glob: string): string {
  return /^(\/|\*\*)/.test(glob) ? glob : `/${glob.replace(/^\.\//, '')}`;
}

function quotedWhereNeeded(value: string): string {
  return /^(".*"|[A-Za-z0-9_:-][A-Za-z0-9_.:-]*)$/s.test(value) ? value : quoted(value);
}

/** In double quotes, without the other quotes it may already stand in. */
function quoted(text: string): string {
  return JSON.stringify(/^(['"|`]).*\1$/s.test(text) && text.length > 1 ? text.slice(1, -1) : text);
}
