/**
 * The subscriber thread of `ringcast events`: formats events and writes them to standard output.
 *
 * Standard output of a thread is a stream to the main thread, which takes a write only when it has passed on what came
 * before. So a batch is settled when its lines are on their way, and a slow reader of the output holds up, in turn, the
 * stream, this thread, the ring and the reading of the input: nothing piles up.
 */
import { formatCtrLine } from '../envelope/ctr-json.js';
import { goTime } from '../envelope/time-text.js';
import { TypeRegistry } from '../envelope/type-registry.js';
import { MalformedPayloadError, UnknownTypeError } from '../errors.js';
import type { Envelope, SubscriberModule } from '../index.js';
import { jsonLine } from './event-lines.js';

export interface PrinterData {
  readonly json: boolean;
  /** Print only what came by a bridge, and not what the bus tells of that. */
  readonly bridgedOnly: boolean;
}

const types = new TypeRegistry();

/** The line of an event with its end; empty, after a warning, for one that cannot be decoded: as `ctr events` does it. */
function lineOf(envelope: Envelope, json: boolean): string {
  try {
    return `${json ? jsonLine(envelope, types) : formatCtrLine(envelope, types)}\n`;
  } catch (error) {
    if (!(error instanceof UnknownTypeError || error instanceof MalformedPayloadError)) throw error;
    const reason = error instanceof UnknownTypeError ? `unknown type ${JSON.stringify(error.typeUrl)}` : error.message;
    const event = `${goTime(envelope.timestamp)} ${envelope.namespace} ${envelope.topic}`;
    process.stderr.write(`ringcast: warning: skipped an event that cannot be decoded: ${event}: ${reason}\n`);
    return '';
  }
}

function write(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
  });
}

export default {
  async handleBatch(envelopes, { data }) {
    const printed = data.bridgedOnly ? envelopes.filter(({ origin }) => origin !== undefined) : envelopes;
    await write(printed.map((envelope) => lineOf(envelope, data.json)).join(''));
  },
} satisfies SubscriberModule<PrinterData>;
