/**
 * Typed topics: what a bus knows of its topics at compile time. Types only; nothing of it is there at run time.
 *
 *     topics := interface from topic to payload     { '/tasks/exit': TaskExit; [topic: `/sensors/${string}`]: Reading }
 *
 * A filter's globs are matched against the topics by the compiler: segment by segment, `*` inside a segment, `**` for any
 * number of them, `{a,b}` for alternatives. Whatever else a filter says can only narrow what it selects, or is beyond the
 * compiler: then the events of all topics are assumed, which is true, if less exact. Less exact too, never wrong, is the
 * double star between slashes at the start of a glob, which stands for one segment at least and is taken for none as well.
 */
import type { DeepReadonly, Envelope } from '../envelope/envelope.js';

/** The topics of a bus that was created without: any topic, any event, as free as the arguments of an EventEmitter. */
export interface AnyTopics {
  readonly [topic: string]: any;
}

/** The topics of a map. */
export type TopicOf<Topics extends object> = keyof Topics & string;

/** What is published on a topic. As it is, too: a wrapper whose topic is a type parameter has no other name for its type. */
export type EventFor<Topics extends object, Topic extends TopicOf<Topics>> =
  | Topics[Topic]
  | DeepReadonly<Topics[Topic]>;

/** An envelope of one topic: where topics are a union, comparing `topic` narrows `event`. */
export interface TopicEnvelope<Topic extends string, Payload, Read = DeepReadonly<Payload>>
  extends Envelope<Payload, Read> {
  readonly topic: Topic;
  detach(): TopicEnvelope<Topic, Payload, Read>;
}

/** What a subscription to `Filter` receives. */
export type SelectedEnvelope<Topics extends object, Filter> =
  string extends TopicOf<Topics> ? Envelope<any> : EnvelopeOn<Topics, SelectedTopic<TopicOf<Topics>, Filter>>;

/** `Filter`, or, where no topic of the map is selected by it, a type that no filter has and that says so. */
export type CheckedFilter<Topics extends object, Filter> =
  string extends TopicOf<Topics>
    ? Filter
    : [SelectedTopic<TopicOf<Topics>, Filter>] extends [never]
      ? { readonly 'selects none of the topics of this bus': never }
      : Filter;

/** Of each topic its own envelope. */
type EnvelopeOn<Topics extends object, Topic> =
  Topic extends TopicOf<Topics> ? TopicEnvelope<Topic, Topics[Topic]> : never;

/** The topics that a filter may select. */
type SelectedTopic<Topic extends string, Filter> = Filter extends string
  ? SelectedByString<Topic, Filter>
  : Filter extends readonly string[]
    ? SelectedByList<Topic, Filter>
    : Filter extends { readonly topics: infer Globs }
      ? SelectedTopic<Topic, Globs>
      : Topic;

/** A list without strings restricts nothing. */
type SelectedByList<Topic extends string, Filters extends readonly string[]> = Filters extends readonly []
  ? Topic
  : SelectedByString<Topic, Filters[number]>;

/** An expression is taken to select everything; so is a glob that is not known here. */
type SelectedByString<Topic extends string, Filter extends string> = Filter extends `/${string}` | `**${string}`
  ? SelectedByGlob<Topic, Alternatives<Filter>>
  : Topic;

type SelectedByGlob<Topic extends string, Glob extends string> = Glob extends `${string}${Unreadable}${string}`
  ? Topic
  : Topic extends string
    ? MatchesSegments<Split<Topic, '/'>, Split<Glob, '/'>> extends true
      ? Topic
      : never
    : never;

/** What in a glob the compiler is not asked about. Braces are there only when {@link Alternatives} left them. */
type Unreadable = '?' | '[' | ']' | '(' | ')' | '{' | '}' | '!' | '+' | '@' | '|' | '\\';

/** `/{a,b}/c` as `/a/c` | `/b/c`. Nested braces and ranges stay. */
type Alternatives<Glob extends string> = Glob extends `${infer Before}{${infer Inside}}${infer After}`
  ? Inside extends `${string}${'{' | '..'}${string}`
    ? Glob
    : Inside extends `${string},${string}`
      ? `${Before}${Split<Inside, ','>[number]}${Alternatives<After>}`
      : Glob
  : Glob;

type Split<Text extends string, Separator extends string> = Text extends `${infer Head}${Separator}${infer Rest}`
  ? [Head, ...Split<Rest, Separator>]
  : [Text];

/** Whether segments of a topic match those of a glob. A segment that is any text at all may hold any more of them. */
type MatchesSegments<Topic extends readonly string[], Glob extends readonly string[]> = Glob extends readonly [
  infer First extends string,
  ...infer Others extends readonly string[],
]
  ? First extends '**'
    ? Others extends readonly []
      ? true
      : MatchesSegments<Topic, Others> extends true
        ? true
        : Topic extends readonly [string, ...infer Rest extends readonly string[]]
          ? MatchesSegments<Rest, Glob>
          : false
    : Topic extends readonly [infer Segment extends string, ...infer Rest extends readonly string[]]
      ? string extends Segment
        ? true
        : Segment extends SegmentPattern<First>
          ? MatchesSegments<Rest, Others>
          : false
      : false
  : Topic extends readonly []
    ? true
    : false;

/** `exec-*` as the type of the strings that it matches. */
type SegmentPattern<Glob extends string> = Glob extends `${infer Before}*${infer After}`
  ? `${Before}${string}${SegmentPattern<After>}`
  : Glob;
