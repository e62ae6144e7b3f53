// Reads a glob into tokens, refusing what no topic can match.
//
//     glob    := ("/" | "**") item*
//     item    := character | "/" | "?" | "*" | "**" | class | range | group
//     class   := "[" "^"? (character | character "-" character | "[:" name ":]")+ "]"
//     range   := "{" character ".." character "}"    two digits, or two letters of one case
//     group   := "{" item* ("," item*)+ "}"          nests
//
// The meaning is picomatch 4's with { dot, nonegate, noextglob, strictBrackets } on posix, to the letter, for every glob
// accepted here and every valid topic. What "**" means depends on its neighbours, and is decided where picomatch decides
// it, before braces are expanded:
//
//     /a/**                "tail": /a and everything below
//     /a/**/b              "between": any number of segments, also none
//     **/b                 "leading": the same at the start
//     elsewhere between "/", brace, comma and end: "across", any run of characters, "/" included. So "/**/a" wants a
//                          segment before "/a", "/a/*/**" two below "/a", "/{a/**,b}" one below "/a".
//     next to others       the same as "*"
//
// Refused though picomatch takes it, because on topics it can only be a mistake: characters no topic can hold, "[!a]"
// (there the set of "!" and "a"), classes that reach "/", ranges of more than one character ("{1..10}" is the set of "1"
// and "0" there). One deviation: in a glob that also has a range, a named class or "***", picomatch 4.0.7 forgets that "."
// is a plain character; here it always is.
import { GlobTooComplexError, InvalidGlobError } from '../errors.js';
import { parseClass } from './glob-class.js';
import { ANY_CHARACTER } from './segment-pattern.js';

/** Longest glob, in characters. */
export const MAX_GLOB_LENGTH = 256;

export type GlobToken =
  | { readonly kind: 'one'; readonly characters: string; readonly position: number }
  /** `nullable`: whether it may take nothing where a topic ends. */
  | { readonly kind: 'star'; readonly nullable: boolean; readonly position: number }
  | { readonly kind: 'slash' | 'across' | 'tail' | 'leading'; readonly position: number }
  /** `nullable`: whether it may stand for nothing at all, its slashes included, where the rest takes nothing. */
  | { readonly kind: 'between'; readonly nullable: boolean; readonly position: number }
  | { readonly kind: 'group'; readonly alternatives: readonly GlobToken[][]; readonly position: number };

// What the token before a `**` was, as far as it matters.
type Neighbour = 'start' | 'slash' | 'star' | 'brace' | 'comma' | 'other';

/**
 * @throws {InvalidGlobError} `BUS_INVALID_GLOB` with the offending place
 * @throws {GlobTooComplexError} `BUS_GLOB_TOO_COMPLEX` for a glob over 256 characters
 */
export function parseGlob(glob: string): GlobToken[] {
  if (glob.length > MAX_GLOB_LENGTH) {
    throw new GlobTooComplexError(glob, `${glob.length} characters, at most ${MAX_GLOB_LENGTH} are allowed`);
  }
  return new GlobParser(glob).parse();
}

class GlobParser {
  readonly #glob: string;
  #at = 0;
  #depth = 0;
  #previous: Neighbour = 'start';
  #beforePrevious: Neighbour = 'start';

  constructor(glob: string) {
    this.#glob = glob;
  }

  parse(): GlobToken[] {
    const glob = this.#glob;
    if (glob === '') this.#refuse('is empty; write "**" for every topic', 0);
    if (glob[0] !== '/' && !/^\*\*($|[/{])/.test(glob)) {
      const mend = /[=~]/.test(glob)
        ? 'give expressions in "where"'
        : `write ${JSON.stringify(`/${glob.replace(/^\*\*+/, '*')}`)}`;
      this.#refuse(`must start with "/" or "**/"; ${mend}`, 0);
    }
    if (glob.includes('//')) this.#refuse('"//"; no topic has an empty segment', glob.indexOf('//'));
    if (glob.endsWith('/')) this.#refuse(`no topic ends with "/"; ${trailingSlashMend(glob)}`, glob.length - 1);
    const tokens = this.#sequence();
    if (this.#at < glob.length) this.#refuse('"}" without "{"', this.#at);
    return tokens;
  }

  /** Reads up to the end, or to the "," or "}" of the group around. */
  #sequence(): GlobToken[] {
    const tokens: GlobToken[] = [];
    while (this.#at < this.#glob.length) {
      const position = this.#at;
      const character = this.#glob[position]!;
      if (character === '}') break;
      if (character === ',') {
        if (this.#depth > 0) break;
        this.#refuse('"," outside braces; give several globs as a list', position);
      }
      if (character === '*') this.#stars(tokens);
      else if (character === '{') tokens.push(this.#range() ?? this.#group());
      else tokens.push(this.#single(character));
    }
    return tokens;
  }

  #single(character: string): GlobToken {
    const glob = this.#glob;
    const position = this.#at++;
    if (character === '/') {
      this.#pass('slash');
      return { kind: 'slash', position };
    }
    this.#pass('other');
    if (character === '?') return { kind: 'one', characters: ANY_CHARACTER, position };
    if (character === '[') {
      const { characters, end } = parseClass(glob, position);
      this.#at = end;
      return { kind: 'one', characters, position };
    }
    if (!ANY_CHARACTER.includes(character)) this.#refuse(strangeCharacter(character), position);
    if (this.#depth > 0 && character === '.' && glob[position + 1] === '.') {
      this.#refuse('".." in braces; a range is two digits, or two letters of one case, alone: {a..f}', position);
    }
    return { kind: 'one', characters: character, position };
  }

  /** A run of stars: decides what it means, by picomatch's rules in picomatch's order. */
  #stars(tokens: GlobToken[]): void {
    const glob = this.#glob;
    const position = this.#at;
    const previous = this.#previous;
    const beforePrevious = this.#beforePrevious;
    while (glob[this.#at] === '*') this.#at++;
    const count = this.#at - position;
    this.#pass('star');

    const inBraces = this.#depth > 0 && (previous === 'brace' || previous === 'comma');
    if (count !== 2 || !(previous === 'slash' || previous === 'start' || inBraces)) {
      tokens.push({ kind: 'star', nullable: count > 1 || previous !== 'slash', position });
      return;
    }
    // "/**/**" says no more than "/**".
    while (/^\/\*\*(\/|$)/.test(glob.slice(this.#at))) this.#at += 3;
    const next = glob[this.#at];
    const belowRoot = previous === 'slash' && beforePrevious !== 'start';
    if (belowRoot && next === undefined && beforePrevious !== 'star') {
      tokens.pop();
      tokens.push({ kind: 'tail', position });
    } else if (next === '/' && (belowRoot || previous === 'start')) {
      if (belowRoot) tokens.pop();
      this.#at++;
      this.#pass('slash');
      if (belowRoot) tokens.push({ kind: 'between', nullable: this.#at < glob.length, position });
      else tokens.push({ kind: 'leading', position });
    } else if (next === undefined || '/{},'.includes(next)) {
      tokens.push({ kind: 'across', position });
    } else {
      tokens.push({ kind: 'star', nullable: true, position });
    }
  }

  #range(): GlobToken | undefined {
    const range = /^\{([0-9]\.\.[0-9]|[a-z]\.\.[a-z]|[A-Z]\.\.[A-Z])\}/.exec(this.#glob.slice(this.#at))?.[1];
    if (range === undefined) return undefined;
    const [low, high] = [range[0]!, range[3]!].sort();
    const characters = [...ANY_CHARACTER].filter((character) => character >= low! && character <= high!).join('');
    const position = this.#at;
    this.#at += range.length + 2;
    this.#pass('brace');
    return { kind: 'one', characters, position };
  }

  #group(): GlobToken {
    const position = this.#at++;
    const alternatives: GlobToken[][] = [];
    this.#depth++;
    this.#pass('brace');
    for (;;) {
      alternatives.push(this.#sequence());
      const end = this.#glob[this.#at++];
      if (end === undefined) this.#refuse('"{" without "}"', position);
      if (end === '}') break;
      this.#pass('comma');
    }
    this.#depth--;
    this.#pass('brace');
    if (alternatives.length === 1) this.#refuse('braces without a comma; write {one,other}', position);
    return { kind: 'group', alternatives, position };
  }

  #pass(token: Neighbour): void {
    this.#beforePrevious = this.#previous;
    this.#previous = token;
  }

  #refuse(reason: string, position: number): never {
    throw new InvalidGlobError(this.#glob, `${reason} (at ${position})`, position);
  }
}

function trailingSlashMend(glob: string): string {
  const parent = glob.slice(0, -1);
  if (parent === '') return 'write "**" for every topic';
  if (parent.endsWith('*')) return `write ${JSON.stringify(parent)}`;
  return `write ${JSON.stringify(parent)}, or ${JSON.stringify(`${parent}/**`)} for what is below, too`;
}

function strangeCharacter(character: string): string {
  const shown = JSON.stringify(character);
  if ('()|+@!'.includes(character)) return `${shown}: extended globs are not supported; write {one,other}`;
  if (character === '\\') return `${shown}: nothing needs escaping, a topic cannot hold special characters`;
  if (character === ']') return '"]" without "["';
  return `no topic can hold ${shown}; segments are letters and digits joined by ".", "_" or "-"`;
}
