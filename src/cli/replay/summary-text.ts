/** The summary of a replay, for people. */
import type { FilterInput } from '../../index.js';
import { withThousands } from '../progress.js';
import type { ReplaySummary } from './replay.js';

const TOP_TOPICS = 8;

/**
 * Several lines, each with its end.
 *
 * @param auditFile where the audit log was kept, if it was
 */
export function summaryText(summary: ReplaySummary, auditFile: string | undefined): string {
  const { containers, counts, audit, passes } = summary;
  const times = passes === 1 ? '' : `, ${withThousands(passes)} times over for a steady rate`;
  return [
    `Replayed ${summary.input}: ${withThousands(summary.recorded)} events${times}`,
    '',
    ...table([
      ['published', withThousands(summary.published), 'events'],
      ['lost', withThousands(summary.lost), 'deliveries'],
      ['rate', withThousands(summary.eventsPerSecond), `events/s for ${(summary.elapsedMs / 1000).toFixed(2)} s`],
    ]),
    '',
    ...table([
      ['Subscriber thread', 'delivered', 'failed', 'lost', 'filter'],
      ...summary.subscribers.map(({ name, delivered, failed, lost, filter }) => [
        name,
        withThousands(delivered),
        withThousands(failed),
        withThousands(lost),
        filterText(filter),
      ]),
    ]),
    ...(summary.firstFailure === undefined ? [] : ['', `First failure: ${summary.firstFailure}`]),
    '',
    ...table([
      ['Topic', 'events', 'share'],
      ...counts.topics
        .slice(0, TOP_TOPICS)
        .map(({ topic, events }) => [topic, withThousands(events), share(events, summary.published)]),
      ...restOf(counts.topics, summary.published),
    ]),
    '',
    ...table([
      ['Namespace', 'events', 'share'],
      ...counts.namespaces
        .slice(0, TOP_TOPICS)
        .map(({ namespace, events }) => [namespace, withThousands(events), share(events, summary.published)]),
    ]),
    '',
    containersText(containers),
    '',
    ...table([
      ['Exit code', 'containers'],
      ...containers.exitCodes.map((entry) => [String(entry.exitCode), withThousands(entry.containers)]),
    ]),
    '',
    ...table([
      ['Longest-lived', 'lifetime', 'exit code'],
      ...containers.longestLived.map(({ namespace, id, lifetimeMs, exitCode }) => [
        `${namespace}/${id}`,
        `${(lifetimeMs / 1000).toFixed(3)} s`,
        exitCode === undefined ? '-' : String(exitCode),
      ]),
    ]),
    '',
    `Audit log: ${withThousands(audit.lines)} lines${auditFile === undefined ? '' : ` in ${auditFile}`}`,
    '',
  ].join('\n');
}

function containersText({ deleted, remaining, outOfMemory }: ReplaySummary['containers']): string {
  const [gone, there, killed] = [deleted, remaining, outOfMemory].map(withThousands);
  return `Containers: ${gone} created and deleted, ${there} still there, ${killed} out of memory`;
}

function restOf(topics: ReplaySummary['counts']['topics'], published: number): string[][] {
  const rest = topics.slice(TOP_TOPICS);
  const events = rest.reduce((sum, topic) => sum + topic.events, 0);
  return rest.length === 0 ? [] : [[`${rest.length} more`, withThousands(events), share(events, published)]];
}

function share(part: number, whole: number): string {
  return `${((part / whole) * 100).toFixed(1)}%`;
}

function filterText(filter: FilterInput): string {
  return typeof filter === 'string' ? filter : Array.isArray(filter) ? filter.join(' or ') : JSON.stringify(filter);
}

/** Lines of aligned columns; those after the first whose last row starts with a digit are numbers, to the right. */
function table(rows: readonly string[][]): string[] {
  const last = rows.at(-1)!;
  const isNumber = (column: number): boolean => rows.length > 1 && /^\d/.test(last[column] ?? '');
  const widths = last.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    `  ${row.map((cell, column) => (isNumber(column) && column > 0 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!))).join('  ')}`.trimEnd(),
  );
}
