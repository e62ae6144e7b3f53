/** The topics that are published on, and filters together with what each selects: written down and not computed. */
import type { FilterInput } from '../../src/index.js';

/** What a filter looks at of an event. */
export interface Selectable {
  readonly topic: string;
  readonly namespace: string;
  /** Of typed events; undefined: the event has no such field. */
  readonly exitStatus: number | undefined;
}

export const TOPICS = ['/a', '/b', '/a/c', '/b/c/d', '/rare/x'] as const;

/** Topics of which no two events have the same: they get no id in the ring. */
export const ONE_OFF = '/once/';

export const DEAD_LETTER_TOPIC = '/ringcast/dead-letter';

export interface KnownFilter {
  readonly input: FilterInput;
  /** Whether some event on the topic is selected: then all of them are written to the ring. */
  readonly wants: (topic: string) => boolean;
  readonly selects: (event: Selectable) => boolean;
}

const byTopic = (input: FilterInput, wants: (topic: string) => boolean): KnownFilter => ({
  input,
  wants,
  selects: ({ topic }) => wants(topic),
});

export const FILTERS: readonly KnownFilter[] = [
  byTopic('/**', () => true),
  byTopic('/a', (topic) => topic === '/a'),
  byTopic('/*', (topic) => topic === '/a' || topic === '/b'),
  byTopic('/a/**', (topic) => topic === '/a' || topic === '/a/c'),
  byTopic('/{a,b}/c', (topic) => topic === '/a/c'),
  byTopic('/rare/*', (topic) => topic === '/rare/x'),
  byTopic(['/once/*', '/b/c/*'], (topic) => topic.startsWith(ONE_OFF) || topic === '/b/c/d'),
  byTopic('topic=="/b/c/d"', (topic) => topic === '/b/c/d'),
  byTopic({ topics: '/**', exclude: '/a' }, (topic) => topic !== '/a'),
  {
    input: { topics: '/**', namespaces: 'elsewhere' },
    wants: () => true,
    selects: ({ namespace }) => namespace === 'elsewhere',
  },
  {
    input: { topics: ['/a', '/b'], where: 'event.exit_status==1' },
    wants: (topic) => topic === '/a' || topic === '/b',
    selects: ({ topic, exitStatus }) => (topic === '/a' || topic === '/b') && exitStatus === 1,
  },
];
