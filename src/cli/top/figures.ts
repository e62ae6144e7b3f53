/** Figures as `ringcast top` shows them: short, and of a width that hardly changes. */

/** Per second; `-` before there are two samples. */
export function rate(now: number, before: number | undefined, seconds: number): string {
  return before === undefined || seconds <= 0 ? '-' : count(Math.max(0, Math.round((now - before) / seconds)));
}

export function count(value: number): string {
  if (value < 10_000) return `${value}`;
  if (value < 10_000_000) return `${(value / 1_000).toFixed(value < 100_000 ? 1 : 0)}k`;
  return `${(value / 1_000_000).toFixed(value < 100_000_000 ? 1 : 0)}M`;
}

export function bytes(value: number): string {
  if (value < 1_024) return `${value} B`;
  if (value < 1_024 ** 2) return `${(value / 1_024).toFixed(1)} K`;
  return `${(value / 1_024 ** 2).toFixed(1)} M`;
}

export function seconds(ms: number): string {
  return ms < 10_000 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.round(ms / 1_000)} s`;
}
