/**
 * Topics as subjects: `/k8s.io/tasks` below the prefix `ringcast` is `ringcast.k8s__io.tasks`. Of what a topic may hold, only
 * `.` means something in a subject; separators in topics are single, so `__` is in none.
 */

/** The token behind the prefix that bundles have in place of a topic's segment: no segment begins with `_`. */
const BUNDLE = '_bundle';

export function subjectOf(prefix: string, topic: string): string {
  return `${prefix}${topic.replaceAll('.', '__').replaceAll('/', '.')}`;
}

/** Where a bus sends its bundles. */
export function bundleSubject(prefix: string, busId: string): string {
  return `${prefix}.${BUNDLE}.${busId}`;
}

export function isBundle(prefix: string, subject: string): boolean {
  return subject.startsWith(`${prefix}.${BUNDLE}.`);
}

/** What a prefix may be: tokens of letters, digits, `-` and `_`, joined by dots, of which none begins with `_`. */
export const PREFIX = /^[A-Za-z0-9][\w-]*(\.[A-Za-z0-9][\w-]*)*$/;
