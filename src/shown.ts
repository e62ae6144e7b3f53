/**
 * Values of users as they are shown in messages. Nothing here throws, whatever getters, traps and `toString` do: what goes
 * wrong while an error is being made would take the place of that error.
 */
import { inspect } from 'node:util';

const MAX_LENGTH = 80;
const ON_ONE_LINE = { depth: 1, breakLength: Number.POSITIVE_INFINITY };

/** An offending value: quoted, control characters escaped, at most 80 characters. */
export function show(value: unknown): string {
  return cut(textOf(value));
}

/**
 * What was thrown: the message of an error, with the place that a syntax error's stack begins with; anything else, which may
 * be thrown too, as it is.
 */
export function showThrown(thrown: unknown): string {
  try {
    if (thrown instanceof SyntaxError) return `${thrown.message}${placeOf(`${thrown.stack}`)}`;
    if (thrown instanceof Error) return `${thrown.message}`;
    if (typeof thrown === 'object' && thrown !== null) return cut(inspect(thrown, ON_ONE_LINE));
  } catch {
    // It is shown as any value.
  }
  return show(thrown);
}

/** The first line of it: Node's loaders add who required what. */
export function showBriefly(thrown: unknown): string {
  return showThrown(thrown).split('\n', 1)[0]!;
}

/** What was thrown as an error: itself if it is one. */
export function errorOf(thrown: unknown): Error {
  try {
    if (thrown instanceof Error) return thrown;
  } catch {
    // A proxy that does not tell its prototype.
  }
  return new Error(showThrown(thrown));
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  try {
    // Of an array only its items would be shown, and nothing of what an object has.
    const text = Array.isArray(value) ? '[object Array]' : String(value);
    return text.startsWith('[object ') ? inspect(value, ON_ONE_LINE) : text;
  } catch {
    // It has no text of its own.
  }
  try {
    return Object.prototype.toString.call(value);
  } catch {
    return `(${typeof value} that cannot be shown)`;
  }
}

/** `file:///….js:4:12` of the line that Node puts before the stack of a syntax error. */
function placeOf(stack: string): string {
  const [, file, at] = /^(.+?)((?::\d+)+)\n(?:.*\n)*?SyntaxError/.exec(stack) ?? [];
  if (file === undefined) return '';
  return ` (${file.startsWith('data:') ? cut(file) : file}${at})`;
}

function cut(text: string): string {
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH - 3)}…` : text;
}
