/** `ringcast replay`: recorded events through a bus to subscriber threads, and what became of them. */
import { open } from 'node:fs/promises';
import { devNull } from 'node:os';
import { defineCommand, onlyOperand } from './command.js';
import { fileReason, InputError, UsageError } from './command-errors.js';
import { EnvelopeInput } from './envelope-input.js';
import { showProgress, withThousands } from './progress.js';
import { type ReplayProgress, type ReplaySummary, replay } from './replay/replay.js';
import { summaryText } from './replay/summary-text.js';

const HELP = `Usage: ringcast replay [FILE|-] [--passes N] [--audit FILE] [--json]

Sends the containerd events of FILE (or standard input; length-delimited containerd.types.Envelope messages) through a
bus to three subscriber threads: one follows each container from create to delete, one counts events by topic and
namespace, one writes an audit log. Ends with a summary.

Options:
  -n, --passes N    how often the events are sent; default: as often as makes 200,000 events, once for more than 64 MiB
  -a, --audit FILE  where the audit log is appended to; default: it is written, and not kept
  -j, --json        the summary as one JSON object
  -h, --help        this text

Exit codes: 0 done, 1 bad input, or an event was lost or could not be handled, 2 wrong usage
`;

export const command = defineCommand({
  name: 'replay',
  help: HELP,
  options: {
    passes: { type: 'string', short: 'n' },
    audit: { type: 'string', short: 'a' },
    json: { type: 'boolean', short: 'j' },
  },
  async run({ passes, audit, json = false }, operands) {
    const wanted = passes === undefined ? undefined : passesOf(passes);
    const input = await EnvelopeInput.open(onlyOperand('replay', operands));
    if (audit !== undefined) await checkWritable(audit);
    const progress: ReplayProgress = { pass: 1, passes: undefined };
    const stopProgress = showProgress(true, () => progressText(input, progress));
    let summary: ReplaySummary;
    try {
      summary = await replay(input, wanted, audit ?? devNull, progress);
    } finally {
      stopProgress();
    }
    process.stdout.write(json ? `${JSON.stringify(summary)}\n` : summaryText(summary, audit));
    if (summary.lost > 0 || summary.firstFailure !== undefined) process.exitCode = 1;
  },
});

async function checkWritable(path: string): Promise<void> {
  try {
    await (await open(path, 'a')).close();
  } catch (error) {
    throw new InputError(path, fileReason(error), { cause: error });
  }
}

function passesOf(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new UsageError(
    `replay: --passes must be a whole number from 1, got ${JSON.stringify(text)}`,
    'For example: --passes 10',
  );
}

function progressText(input: EnvelopeInput, { pass, passes }: ReplayProgress): string {
  if (passes === undefined) return `reading: ${withThousands(input.position.envelopes)} events`;
  return `pass ${withThousands(pass)} of ${withThousands(passes)}`;
}
