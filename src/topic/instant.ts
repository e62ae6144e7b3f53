/** Points in time as filters write them: RFC 3339, or seconds since the Unix epoch. To the nanosecond, before 1970 too. */

export interface Instant {
  /** Since the Unix epoch. */
  readonly seconds: number;
  /** 0 to 999,999,999, counted forward also before 1970. */
  readonly nanos: number;
}

const UNIX_SECONDS = /^([+-]?)(\d{1,12})(?:\.(\d{1,9}))?$/;
const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)(?:[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d))?$/;

/** Reads `2026-11-23T17:40:00.5Z`, `2026-11-23T18:40:00+01:00`, `2026-11-23` (midnight UTC), `1795455600.5`. */
export function parseInstant(text: string): Instant | undefined {
  const unix = UNIX_SECONDS.exec(text);
  if (unix !== null) {
    const seconds = Number(unix[2]);
    const nanos = nanosOf(unix[3]);
    if (unix[1] !== '-') return { seconds, nanos };
    return nanos === 0 ? { seconds: 0 - seconds, nanos } : { seconds: -seconds - 1, nanos: 1e9 - nanos };
  }
  const parts = RFC_3339.exec(text);
  if (parts === null) return undefined;
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map((part) => Number(part ?? 0));
  const date = new Date(0);
  date.setUTCFullYear(year!, month! - 1, day!);
  const realDay = date.getUTCMonth() === month! - 1 && date.getUTCDate() === day!;
  // A leap second counts as the first second of the next minute, as Unix time does.
  if (!realDay || hour! > 23 || minute! > 59 || second! > 60) return undefined;
  const seconds = date.getTime() / 1000 + hour! * 3600 + minute! * 60 + second!;
  const offset = /^([+-])(\d\d):(\d\d)$/.exec(parts[8] ?? '');
  if (offset !== null && (Number(offset[2]) > 23 || Number(offset[3]) > 59)) return undefined;
  const offsetSeconds =
    offset === null ? 0 : Number(`${offset[1]}1`) * (Number(offset[2]) * 3600 + Number(offset[3]) * 60);
  return { seconds: seconds - offsetSeconds, nanos: nanosOf(parts[7]) };
}

/** In RFC 3339, UTC, the fraction as short as it can be. */
export function formatInstant(seconds: number, nanos: number): string {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return String(seconds);
  const fraction = nanos === 0 ? '' : `.${String(nanos).padStart(9, '0').replace(/0+$/, '')}`;
  return date.toISOString().replace(/\.000Z$/, `${fraction}Z`);
}

function nanosOf(fraction: string | undefined): number {
  return Number((fraction ?? '').padEnd(9, '0'));
}
