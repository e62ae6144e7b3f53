/** Points in time, in nanoseconds since 1970, as text. Any year: unlike Date it has no end. */

const NANOS_PER_SECOND = 1_000_000_000n;
const SECONDS_PER_DAY = 86_400n;

interface Parts {
  readonly date: string;
  readonly time: string;
  /** `.5` for half a second, empty for none: trailing zeros are cut. */
  readonly fraction: string;
}

/** `2006-01-02T15:04:05.999999999Z`, as Go writes it. */
export function rfc3339(nanoseconds: bigint): string {
  const { date, time, fraction } = partsOf(nanoseconds);
  return `${date}T${time}${fraction}Z`;
}

/** `2006-01-02 15:04:05.999999999 +0000 UTC`, as Go prints a time. */
export function goTime(nanoseconds: bigint): string {
  const { date, time, fraction } = partsOf(nanoseconds);
  return `${date} ${time}${fraction} +0000 UTC`;
}

/** Quotient and remainder with the remainder from 0 up, also for negative values. */
function divide(value: bigint, by: bigint): [quotient: bigint, remainder: bigint] {
  const remainder = ((value % by) + by) % by;
  return [(value - remainder) / by, remainder];
}

function partsOf(nanoseconds: bigint): Parts {
  const [seconds, nanos] = divide(nanoseconds, NANOS_PER_SECOND);
  const [days, second] = divide(seconds, SECONDS_PER_DAY);
  const inDay = Number(second);
  const digits = (value: number) => String(value).padStart(2, '0');
  const fraction = String(nanos).padStart(9, '0').replace(/0+$/, '');
  return {
    date: dateOf(Number(days)),
    time: `${digits(Math.floor(inDay / 3600))}:${digits(Math.floor(inDay / 60) % 60)}:${digits(inDay % 60)}`,
    fraction: fraction === '' ? '' : `.${fraction}`,
  };
}

/**
 * The date of a day counted from 1970-01-01, in the Gregorian calendar.
 *
 * @see https://howardhinnant.github.io/date_algorithms.html#civil_from_days
 */
function dateOf(days: number): string {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  // Months counted from March, so that the leap day comes last.
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const sign = year < 0 ? '-' : '';
  return `${sign}${String(Math.abs(year)).padStart(4, '0')}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
}
