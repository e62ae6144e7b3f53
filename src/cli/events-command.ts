/** `ringcast events`: prints recorded or piped events, through a ring and a subscriber thread. */
import { createBus } from '../index.js';
import { FOREVER_MS, RING_BYTES } from './bus-settings.js';
import { defineCommand, onlyOperand } from './command.js';
import { UsageError } from './command-errors.js';
import { EnvelopeInput } from './envelope-input.js';
import type { PrinterData } from './event-printer.js';
import { checkFilter } from './filter-option.js';
import { forwardLive } from './live-events.js';
import { showProgress, withThousands } from './progress.js';

const HELP = `Usage: ringcast events [FILE|-] [--filter FILTER]… [--json]
       ringcast events --address SOCKET [--filter FILTER]… [--json]

Prints one line an event, as \`ctr events\` does: time, namespace, topic and the event as JSON. An event that cannot be
decoded is skipped with a warning. FILE holds encoded containerd.types.Envelope messages, each after its length as a
varint; without FILE, or with -, they are read from standard input. With --address, the events of a running containerd are
printed as they happen, until the command is ended; it needs the package @grpc/grpc-js.

Options:
  -f, --filter FILTER  print what FILTER selects; given several times, what any of them selects. A glob over topics, or a
                       containerd filter expression:
                         --filter '/tasks/**'
                         --filter 'topic=="/tasks/exit",event.exit_status!=0'
  -a, --address SOCKET the socket of a running containerd
  -j, --json           one JSON object a line: timestamp (RFC 3339), namespace, topic, type, event. An event of unknown
                       type is printed with its bytes in base64
  -h, --help           this text

Exit codes: 0 done, 1 bad input (what came before it has been printed), 2 wrong usage
`;

export const command = defineCommand({
  name: 'events',
  help: HELP,
  options: {
    address: { type: 'string', short: 'a' },
    filter: { type: 'string', short: 'f', multiple: true },
    json: { type: 'boolean', short: 'j' },
  },
  async run({ address, filter = [], json = false }, operands) {
    const operand = onlyOperand('events', operands);
    if (address !== undefined && operand !== undefined) {
      throw new UsageError('events: both FILE and --address', 'Events come from a file or from a daemon.');
    }
    checkFilter('events', filter);
    const input = address === undefined ? await EnvelopeInput.open(operand) : undefined;
    const bus = createBus({ capacityBytes: RING_BYTES, stallTimeoutMs: FOREVER_MS });
    const abort = new AbortController();
    const data: PrinterData = { json, bridgedOnly: address !== undefined };
    const printer = bus.subscribe(filter, new URL('./event-printer.js', import.meta.url), { name: 'printer', data });
    printer.on('error', (error) => abort.abort(error));
    try {
      if (input === undefined) await forwardLive(bus, address!, filter, abort.signal);
      else {
        const stopProgress = showProgress(!process.stdout.isTTY, () => progressText(input));
        await input.forwardTo(bus, abort.signal).finally(stopProgress);
      }
    } finally {
      // Also after bad input: what came before it is printed.
      await bus.close({ drainTimeoutMs: FOREVER_MS });
    }
    abort.signal.throwIfAborted();
  },
});

function progressText({ position, sizeBytes }: EnvelopeInput): string {
  const share = sizeBytes ? `, ${Math.floor((position.bytes / sizeBytes) * 100)}%` : '';
  return `${withThousands(position.envelopes)} events${share}`;
}
