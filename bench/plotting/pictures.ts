/** Which pictures there are, and which results each is of. */

interface Shown {
  /** Name of its file, without the ending. */
  readonly file: string;
  readonly title: string;
  readonly cases: RegExp;
}

/** A line for each subject; what the case's name ends with, in parentheses in `cases`, is x. */
export interface LinePicture extends Shown {
  readonly kind: 'lines';
  readonly metric: string;
  readonly over: 'threads' | 'events' | 'filters';
  readonly yTitle: string;
  readonly logarithmic?: boolean;
}

/** Percentiles of all events of one case. */
export interface PercentilePicture extends Shown {
  readonly kind: 'percentiles';
  readonly metric: string;
  readonly yTitle: string;
}

/** A group of bars for each case. */
export interface BarPicture extends Shown {
  readonly kind: 'bars';
  readonly axisTitle: string;
  /** Metrics that are shown. Where a case has several of them, they are named in the words that stand here. */
  readonly metrics: Readonly<Record<string, string>>;
  /** What the cases are called; default their names. */
  readonly names?: Readonly<Record<string, string>>;
  /** Which subjects are ours; default those that are called ringcast. */
  readonly ours?: RegExp;
}

export type Picture = LinePicture | PercentilePicture | BarPicture;

const RATE = 'events per second, until every thread has all of them';
const COST = { cost: 'cost' };

const fanOut = (kind: string, title: string): LinePicture => ({
  kind: 'lines',
  file: `fan-out-${kind}`,
  title,
  cases: new RegExp(`^fan-out/${kind}/(\\d+)$`),
  metric: 'rate',
  over: 'threads',
  yTitle: RATE,
});

const cold = (threads: number): LinePicture => ({
  kind: 'lines',
  file: `cold-${threads}`,
  title: `The first events to ${threads === 1 ? '1 new thread' : `${threads} new threads`}`,
  cases: new RegExp(`^cold/${threads}/(\\d+)$`),
  metric: 'rate',
  over: 'events',
  yTitle: 'events per second, in a process that has just started',
});

const filter = (kind: string, title: string): LinePicture => ({
  kind: 'lines',
  file: `filter-${kind}`,
  title,
  cases: new RegExp(`^filter/${kind}/(\\d+)$`),
  metric: 'cost',
  over: 'filters',
  yTitle: 'time, logarithmic; ringcast: a whole publish',
  logarithmic: true,
});

const latency = (kind: string, title: string, cases = new RegExp(`^latency/${kind}$`)): PercentilePicture => ({
  kind: 'percentiles',
  file: `latency-${kind}`,
  title,
  cases,
  metric: 'p50',
  yTitle: 'time from due until handled, logarithmic',
});

const codec = (direction: string, title: string): BarPicture => ({
  kind: 'bars',
  file: `codec-${direction}`,
  title,
  cases: new RegExp(`^codec/${direction}/`),
  axisTitle: 'time of one event',
  metrics: COST,
});

export const pictures: readonly Picture[] = [
  fanOut('object', 'Fan-out: every field read'),
  fanOut('lazy', 'Fan-out: topic and payload length read'),
  fanOut('new-ids', 'Fan-out: every field, ids that do not recur'),
  {
    kind: 'lines',
    file: 'forward',
    title: 'Forward envelopes of 128 bytes',
    cases: /^forward\/128B\/(\d+)$/,
    metric: 'rate',
    over: 'threads',
    yTitle: RATE,
  },
  cold(1),
  cold(4),
  latency('parked', 'Latency to a sleeping thread'),
  latency('busy', 'Latency to a busy thread'),
  latency('uplink', 'Latency through the thread that owns a bus', /^uplink\/latency$/),
  latency('main-blocked', 'Latency on a hosted bus', /^uplink\/main-blocked$/),
  filter('cached', 'Find who wants a known topic'),
  filter('new-topic', 'Find who wants a new topic'),
  {
    kind: 'lines',
    file: 'uplink',
    title: 'From several threads to the main thread',
    cases: /^uplink\/(\d+)$/,
    metric: 'rate',
    over: 'threads',
    yTitle: 'events per second, of all threads together',
  },
  {
    kind: 'bars',
    file: 'uplink-cost',
    title: 'What an event of another thread costs',
    cases: /^uplink\/(take-over|none)$/,
    axisTitle: 'time of one event',
    metrics: { cost: 'the thread of the bus', publish: 'the thread that publishes' },
    names: { 'uplink/none': 'A publish that nobody wants' },
  },
  {
    kind: 'bars',
    file: 'uplink-connect',
    title: 'Connecting to a hosted bus',
    cases: /^uplink\/main-blocked-connect$/,
    axisTitle: 'time',
    metrics: { first: 'its first event has arrived', met: 'it knows what is wanted' },
    names: { 'uplink/main-blocked-connect': 'A thread, main thread idle or blocked for 2 s' },
    ours: /^main/,
  },
  {
    kind: 'bars',
    file: 'publish',
    title: 'What a publish costs',
    cases: /^publish\/(typed|plain|traced)\/1$/,
    axisTitle: 'time of one event, on the publishing thread',
    metrics: COST,
    names: {
      'publish/typed/1': 'An event class',
      'publish/plain/1': 'A plain object',
      'publish/traced/1': 'An event class, with a trace: new, same, none',
    },
    ours: /^(ringcast|same-trace|untraced)/,
  },
  {
    kind: 'bars',
    file: 'publish-none',
    title: 'What a publish costs that nobody wants',
    cases: /^(publish|emit)\/none$/,
    axisTitle: 'time of one event',
    metrics: COST,
    ours: /^(ringcast|publish|injected|context)$/,
  },
  {
    kind: 'bars',
    file: 'emit',
    title: 'What it costs to find the emitter',
    cases: /^emit\/1$/,
    axisTitle: 'time of one event',
    metrics: COST,
    ours: /^(publish|injected|context)$/,
  },
  {
    kind: 'bars',
    file: 'filter-field',
    title: 'Pick an event by a condition on a field',
    cases: /^filter\/field$/,
    axisTitle: 'time of one event',
    metrics: COST,
  },
  codec('encode', 'Encode one event'),
  codec('decode', 'Decode one event'),
  {
    kind: 'bars',
    file: 'forward-all',
    title: 'What an envelope of a run costs',
    cases: /^forward-all\//,
    axisTitle: 'time of one envelope, on the forwarding thread',
    metrics: COST,
    ours: /^(ringcast|forward)/,
  },
  {
    kind: 'bars',
    file: 'raw',
    title: '128 bytes from thread to thread',
    cases: /^raw\//,
    axisTitle: 'messages per second',
    metrics: { rate: 'rate' },
  },
  {
    kind: 'bars',
    file: 'start',
    title: 'What a start takes',
    cases: /^start\//,
    axisTitle: 'time',
    metrics: { ready: 'ready', arrived: 'arrived', start: 'start' },
    names: {
      'start/module': 'A subscriber thread, until it is ready',
      'start/first-event': 'A process, until its first event has arrived',
      'start/import': 'A process that imports ringcast, until it ends',
    },
  },
  {
    kind: 'bars',
    file: 'memory',
    title: 'What is kept in memory',
    cases: /^memory\/(thread|bus)$/,
    axisTitle: 'resident memory',
    metrics: { memory: 'memory' },
    names: { 'memory/thread': 'A subscriber thread', 'memory/bus': 'The first bus of a process' },
  },
  {
    kind: 'bars',
    file: 'services-content-write',
    title: 'Writing content, with and without a bus',
    cases: /^services\/content-write$/,
    axisTitle: 'time of one write',
    metrics: COST,
  },
  {
    kind: 'bars',
    file: 'services-storm',
    title: 'Starting containers, with and without a bus',
    cases: /^services\/storm\//,
    axisTitle: 'lives of a container per second',
    metrics: { rate: 'rate' },
  },
  {
    kind: 'lines',
    file: 'bytes',
    title: 'Bytes written for an event',
    cases: /^bytes\/publish\/(\d+)$/,
    metric: 'bytes',
    over: 'threads',
    yTitle: 'bytes per event; may not grow with the threads',
  },
  {
    kind: 'lines',
    file: 'wakes',
    title: 'Wake-ups for a burst',
    cases: /^wakes\/burst\/(\d+)$/,
    metric: 'wakes',
    over: 'threads',
    yTitle: 'per thread and burst; may not grow with the threads',
  },
];
