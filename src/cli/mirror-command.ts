/** `ringcast mirror`: a bus between the processes of this machine and a stream of NATS JetStream. */
import { createBus } from '../index.js';
import { FOREVER_MS, RING_BYTES } from './bus-settings.js';
import { defineCommand } from './command.js';
import { UsageError } from './command-errors.js';
import { checkFilter } from './filter-option.js';
import { stopped } from './stopped.js';

const HELP = `Usage: ringcast mirror --nats URL [--stream NAME] [--listen SOCKET] [--containerd SOCKET] [OPTION]…

A bus that is mirrored on a stream of NATS JetStream: what is published to it goes into the stream, and what other buses
have put there comes in. It prints every event, as ringcast events does, until it is ended. It needs the packages
@nats-io/transport-node and @nats-io/jetstream.

Options:
  -n, --nats URL           the server; several, for a cluster, are joined by commas
  -s, --stream NAME        default EVENTS; it is made if it is not there
      --prefix PREFIX      of the stream's subjects; default ringcast
  -l, --listen SOCKET      take events of local processes at this path, as serveEvents does
  -c, --containerd SOCKET  take the events of a running containerd
  -f, --filter FILTER      what goes into the stream; default all. Given several times, what any of them selects
      --from FROM          what comes in: new (default), all, or a sequence of the stream
      --durable NAME       go on where the consumer of that name has stopped
  -q, --quiet              print nothing
  -h, --help               this text
`;

const HINT = 'Give --nats URL; see ringcast mirror --help.';

export const command = defineCommand({
  name: 'mirror',
  help: HELP,
  options: {
    nats: { type: 'string', short: 'n' },
    stream: { type: 'string', short: 's' },
    prefix: { type: 'string' },
    listen: { type: 'string', short: 'l' },
    containerd: { type: 'string', short: 'c' },
    filter: { type: 'string', short: 'f', multiple: true },
    from: { type: 'string' },
    durable: { type: 'string' },
    quiet: { type: 'boolean', short: 'q' },
  },
  async run({ nats, stream = 'EVENTS', prefix, listen, containerd, filter = ['/**'], from, durable, quiet }, operands) {
    if (nats === undefined || nats === '') throw new UsageError('mirror: no server', HINT);
    if (operands.length > 0) throw new UsageError(`mirror: unexpected ${JSON.stringify(operands[0])}`, HINT);
    const start = fromOf(from);
    checkFilter('mirror', filter);
    // Loaded on demand, as what it needs is.
    const { natsBridge } = await import('../bridges/nats/index.js');
    const { connectNats } = await import('../bridges/nats/jetstream-package.js');
    const connection = await connectNats(nats.split(','));
    const bus = createBus({ capacityBytes: RING_BYTES, stallTimeoutMs: FOREVER_MS });
    const fault = new AbortController();
    try {
      bus.subscribe('/ringcast/bridge/*', ({ topic, event }) => tell(`${topic} ${JSON.stringify(event)}`));
      if (quiet !== true) {
        const wanted = { topics: '/**', exclude: '/ringcast/**' };
        const printer = bus.subscribe(wanted, new URL('./event-printer.js', import.meta.url), {
          data: { json: false },
        });
        printer.on('error', (error) => fault.abort(error));
      }
      const reading = { from: start, ...(durable !== undefined && { durable }) };
      const options = { connection, stream, create: {}, out: { filter }, in: reading };
      const bridge = await natsBridge(bus, { ...options, ...(prefix !== undefined && { prefix }) });
      await bridge.ready;
      if (listen !== undefined) await (await import('../bridges/ttrpc/index.js')).serveEvents(bus, { address: listen });
      if (containerd !== undefined)
        await (await import('../bridges/containerd/index.js')).fromContainerd(bus, { address: containerd });
      tell(`mirroring the stream ${stream} at ${nats}`);
      await stopped(fault.signal);
    } finally {
      await bus.close({ drainTimeoutMs: FOREVER_MS });
      await connection.close();
    }
    fault.signal.throwIfAborted();
  },
});

function fromOf(text: string | undefined): 'new' | 'all' | { readonly sequence: number } {
  if (text === undefined || text === 'new' || text === 'all') return text ?? 'new';
  if (/^[1-9]\d{0,14}$/.test(text)) return { sequence: Number(text) };
  throw new UsageError(`mirror: --from ${JSON.stringify(text)}`, 'Give new, all, or a sequence of the stream, from 1.');
}

function tell(text: string): void {
  process.stderr.write(`ringcast: ${text}\n`);
}
