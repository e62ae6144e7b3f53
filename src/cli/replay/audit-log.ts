/** A subscriber thread of `ringcast replay`: writes what changed to a file, one JSON object a line. */
import { type FileHandle, open } from 'node:fs/promises';
import { TypeRegistry } from '../../envelope/type-registry.js';
import { MalformedPayloadError } from '../../errors.js';
import type { Envelope, SubscriberModule } from '../../index.js';
import { jsonLine, undecodedJsonLine } from '../event-lines.js';
import { type ReplaySubscriberData, sendReport } from './subscriber-report.js';

export interface AuditReport {
  readonly lines: number;
}

const types = new TypeRegistry();
let file: FileHandle | undefined;
let lines = 0;

/** An audit leaves nothing out: what cannot be decoded is recorded as its bytes. */
function lineOf(envelope: Envelope): string {
  try {
    return jsonLine(envelope, types);
  } catch (error) {
    if (error instanceof MalformedPayloadError) return undecodedJsonLine(envelope);
    throw error;
  }
}

export default {
  async setup({ data }) {
    file = await open(data.auditFile, 'a');
  },
  // Settled when written: the ring keeps the events until then.
  async handleBatch(envelopes) {
    await file!.appendFile(envelopes.map((envelope) => `${lineOf(envelope)}\n`).join(''));
    lines += envelopes.length;
  },
  async teardown({ name, data }) {
    await file!.close();
    const report: AuditReport = { lines };
    sendReport(data.channelName, name, report);
  },
} satisfies SubscriberModule<ReplaySubscriberData>;
