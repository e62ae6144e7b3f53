/** Character classes of globs: `[abc]`, `[a-z0-9]`, `[^._-]`, `[[:digit:]a-f]`. */
import { InvalidGlobError } from '../errors.js';
import { ANY_CHARACTER } from './segment-pattern.js';

// The other POSIX names hold no character of a topic, or reach "/".
const POSIX_CLASSES: ReadonlyMap<string, RegExp> = new Map([
  ['alnum', /[A-Za-z0-9]/],
  ['alpha', /[A-Za-z]/],
  ['digit', /[0-9]/],
  ['lower', /[a-z]/],
  ['upper', /[A-Z]/],
  ['word', /[A-Za-z0-9_]/],
  ['xdigit', /[A-Fa-f0-9]/],
]);

export interface GlobClass {
  /** The topic characters in the class, sorted. */
  readonly characters: string;
  /** Offset behind its "]". */
  readonly end: number;
}

/**
 * Reads the class whose "[" is at `start`.
 *
 * @throws {InvalidGlobError} `BUS_INVALID_GLOB`
 */
export function parseClass(glob: string, start: number): GlobClass {
  const members = new Set<string>();
  const negated = glob[start + 1] === '^';
  let named = false;
  let at = start + (negated ? 2 : 1);
  const first = at;
  for (;;) {
    const character = glob[at];
    if (character === undefined) refuse(glob, '"[" without "]"', start);
    if (character === ']') break;
    const name = /^\[:([a-z]*):\]/.exec(glob.slice(at));
    if (name !== null) {
      const posix = POSIX_CLASSES.get(name[1]!);
      if (posix === undefined) {
        refuse(glob, `[:${name[1]}:] is not one of ${[...POSIX_CLASSES.keys()].join(', ')}`, at);
      }
      for (const candidate of ANY_CHARACTER) if (posix.test(candidate)) members.add(candidate);
      named = true;
      at += name[0].length;
      if (glob[at] === '-' && glob[at + 1] !== ']') refuse(glob, 'a range cannot start at a named class', at);
      continue;
    }
    checkMember(glob, at, first);
    if (glob[at + 1] !== '-' || glob[at + 2] === ']' || glob[at + 2] === undefined) {
      members.add(character);
      at++;
      continue;
    }
    const last = glob[at + 2]!;
    checkMember(glob, at + 2, first);
    if (last < character) refuse(glob, `range ${character}-${last} is out of order; write ${last}-${character}`, at);
    if (character <= '/' && last >= '/') {
      refuse(glob, `range ${character}-${last} reaches "/"; to mean "-", put it last in the class`, at);
    }
    for (const candidate of ANY_CHARACTER) if (candidate >= character && candidate <= last) members.add(candidate);
    at += 3;
  }
  if (members.size === 0) refuse(glob, 'empty class', start);
  if (negated && named) {
    refuse(glob, 'a negated class cannot hold a named one; write its characters out, such as [^0-9]', start);
  }
  const characters = [...ANY_CHARACTER].filter((candidate) => members.has(candidate) !== negated).join('');
  if (characters === '') refuse(glob, 'the class leaves no character that a topic can hold', start);
  return { characters, end: at + 1 };
}

function checkMember(glob: string, at: number, first: number): void {
  const character = glob[at]!;
  if (ANY_CHARACTER.includes(character)) return;
  if (character === '!' && at === first) refuse(glob, '"[!" does not negate here; write "[^"', at);
  refuse(glob, `${JSON.stringify(character)} in a class; no topic segment can hold it`, at);
}

function refuse(glob: string, reason: string, position: number): never {
  throw new InvalidGlobError(glob, `${reason} (at ${position})`, position);
}
