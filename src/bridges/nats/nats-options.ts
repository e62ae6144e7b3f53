/** What a NATS bridge is made with. */
import type { DeliveryMode, FilterInput } from '../../index.js';
import { InvalidOptionError } from '../../index.js';
import { choiceOption, integerOption, readOptions, signalOption } from '../../option-check.js';
import { BUS_ID } from './identities.js';
import type { NatsConnection } from './jetstream-package.js';
import { checkFrom, type NatsFrom } from './positions.js';
import { PREFIX } from './subjects.js';

export interface NatsOutOptions {
  /** What leaves the bus. What came in by this bridge does not. */
  readonly filter: FilterInput;
  /**
   * `bundle` (default): many events a message, in order, for other buses. `topic`: one event a message, with its topic as
   * the subject, for consumers of any kind.
   */
  readonly mode?: 'bundle' | 'topic';
  /** Events of a bundle, 1 to 4,096; default 1,024. */
  readonly maxBundle?: number;
  /** How long a bundle waits for more events while none is on its way, 0 to 10,000 ms; default 2. */
  readonly lingerMs?: number;
  /** Messages on their way at once in mode `topic`, 1 to 1,024; default 1. With more, order is not kept when one is sent again. */
  readonly inFlight?: number;
  /** Default `lossless`: while the server is away the ring holds what is to be sent, under the rules of the bus. */
  readonly delivery?: DeliveryMode;
}

export interface NatsInOptions {
  /** What comes in, by its topic; default: all that lies below the prefix. */
  readonly filter?: FilterInput;
  /** Default `new`. */
  readonly from?: NatsFrom;
  /** The name of a durable consumer: the server remembers where it stopped. One bridge at a time may use it. */
  readonly durable?: string;
}

export interface NatsBridgeOptions {
  /** Of @nats-io/transport-node; it stays the caller's. Give it `maxReconnectAttempts: -1`. */
  readonly connection: NatsConnection;
  /** The name of a JetStream stream that holds the subjects `PREFIX.>`. */
  readonly stream: string;
  /** Of all subjects; default `ringcast`. */
  readonly prefix?: string;
  /** Makes the stream if there is none: kept in files, for as long and as large as said here. */
  readonly create?: { readonly maxBytes?: number; readonly maxAgeMs?: number; readonly replicas?: number };
  readonly out?: NatsOutOptions;
  readonly in?: NatsInOptions;
  /** Of the bus among others: at most 32 letters, digits, `-` and `_`, new with each bus. Default: random. */
  readonly id?: string;
  /** Of the bridge; default `nats`. */
  readonly name?: string;
  /** Closes the bridge when aborted. */
  readonly signal?: AbortSignal;
}

type Checked<T, K extends keyof T> = T & Required<Pick<T, K>>;
type CheckedOut = Checked<NatsOutOptions, 'mode' | 'maxBundle' | 'lingerMs' | 'inFlight'>;
type CheckedIn = Checked<NatsInOptions, 'from'>;
export interface CheckedNatsOptions extends Checked<Omit<NatsBridgeOptions, 'in' | 'out'>, 'prefix' | 'name'> {
  readonly out: CheckedOut | undefined;
  readonly in: CheckedIn | undefined;
}

const NAME = /^[A-Za-z0-9_-]{1,64}$/;

export function checkNatsOptions(options: NatsBridgeOptions): CheckedNatsOptions {
  const keys = ['connection', 'stream', 'prefix', 'create', 'out', 'in', 'id', 'name', 'signal'] as const;
  const given = readOptions('options', options, keys);
  const { connection, stream, prefix = 'ringcast', id, name = 'nats' } = given;
  if (typeof connection?.isClosed !== 'function')
    throw new InvalidOptionError('connection', connection, 'a connection of @nats-io/transport-node');
  if (!NAME.test(stream)) throw new InvalidOptionError('stream', stream, 'the name of a stream');
  if (!PREFIX.test(prefix))
    throw new InvalidOptionError('prefix', prefix, 'tokens of letters, digits and "-", joined by "."');
  if (id !== undefined && !BUS_ID.test(id))
    throw new InvalidOptionError('id', id, '1 to 32 letters, digits, "-" and "_"');
  signalOption(given.signal);
  const create = given.create && readOptions('create', given.create, ['maxBytes', 'maxAgeMs', 'replicas']);
  if (given.out === undefined && given.in === undefined)
    throw new InvalidOptionError('out', undefined, 'given, or in, or both');
  const checked = { out: given.out && checkOut(given.out), in: given.in && checkIn(given.in) };
  return { ...given, prefix, name, ...(create && { create }), ...checked };
}

function checkOut(options: NatsOutOptions): CheckedOut {
  const given = readOptions('out', options, ['filter', 'mode', 'maxBundle', 'lingerMs', 'inFlight', 'delivery']);
  return {
    ...given,
    mode: choiceOption('out.mode', given.mode, ['bundle', 'topic']),
    maxBundle: integerOption('out.maxBundle', given.maxBundle, 1_024, 1, 4_096),
    lingerMs: integerOption('out.lingerMs', given.lingerMs, 2, 0, 10_000),
    inFlight: integerOption('out.inFlight', given.inFlight, 1, 1, 1_024),
  };
}

function checkIn(options: NatsInOptions): CheckedIn {
  const given = readOptions('in', options, ['filter', 'from', 'durable']);
  if (given.durable !== undefined && !NAME.test(given.durable))
    throw new InvalidOptionError('in.durable', given.durable, 'the name of a consumer');
  return { ...given, from: checkFrom(given.from ?? 'new') };
}
