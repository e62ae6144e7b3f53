/**
 * A pattern over whole topics: segment patterns, and `**` for any number of segments, also none.
 *
 * Matching is the wildcard walk of `segment-pattern.ts` one level up: segments for characters, `**` for the star.
 */
import { SegmentPattern } from './segment-pattern.js';

/** Stands for any number of segments, also none. */
export const GLOBSTAR = '**';

export type PatternPart = SegmentPattern | typeof GLOBSTAR;

export class TopicPattern {
  readonly parts: readonly PatternPart[];
  /** Equal for equal patterns. */
  readonly key: string;
  /** The one topic it matches, when there is only one. */
  readonly literal: string | undefined;

  constructor(parts: readonly PatternPart[]) {
    this.parts = parts.filter((part, index) => part !== GLOBSTAR || parts[index - 1] !== GLOBSTAR);
    this.key = this.parts.map((part) => `/${part === GLOBSTAR ? part : part.key}`).join('');
    this.literal = this.parts.every((part) => part !== GLOBSTAR && part.literal !== undefined) ? this.key : undefined;
  }

  /** Whether a valid topic, as its segments, matches. */
  matches(segments: readonly string[]): boolean {
    const parts = this.parts;
    let at = 0;
    let part = 0;
    let starPart = -1;
    let starEnd = 0;
    while (at < segments.length) {
      const pattern = parts[part];
      if (pattern === GLOBSTAR) {
        starPart = part++;
        starEnd = at;
        if (part === parts.length) return true;
      } else if (pattern?.matches(segments[at]!)) {
        part++;
        at++;
      } else if (starPart >= 0) {
        part = starPart + 1;
        at = ++starEnd;
      } else {
        return false;
      }
    }
    if (parts[part] === GLOBSTAR) part++;
    return part === parts.length;
  }
}

/** The pattern that only the given valid topic matches. */
export function literalPattern(topic: string): TopicPattern {
  return new TopicPattern(splitTopic(topic).map((segment) => new SegmentPattern([...segment])));
}

/** The segments of a valid topic. */
export function splitTopic(topic: string): string[] {
  return topic.slice(1).split('/');
}
