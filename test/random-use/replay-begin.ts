/** Where a replay begins: held against what the ring must still hold. */
import type { Account } from './account.js';
import type { Reference } from './reference.js';

export function joinReplay(
  account: Account,
  reference: Reference,
  from: 'oldest' | { last: number } | { sequence: number },
  written: number,
  capacityBytes: number,
  fault: (text: string) => void,
): void {
  const { joinSequence } = account.subscription!.delivery;
  account.join = joinSequence;
  const { log } = reference;
  const say = (text: string): void => fault(`${account.name} from ${JSON.stringify(from)}: ${text}`);
  if (from !== 'oldest' && 'sequence' in from) {
    if (joinSequence !== from.sequence) say(`begins at ${joinSequence}`);
    return;
  }
  // The index of the ring is coarse, and the end of the ring may be padding.
  let retainedBytes = capacityBytes - 20 * 1024;
  let retained = written;
  while (retained > 0 && (retainedBytes -= log[retained - 1]!.recordBytes) >= 0) retained--;
  if (from === 'oldest') {
    if (joinSequence > retained) say(`begins at ${joinSequence}, the ring holds ${retained} and more`);
    return;
  }
  const selected: number[] = [];
  for (let i = 0; i < written; i++) if (account.selects(i, log[i]!)) selected.push(i);
  const first = from.last === 0 ? written : (selected.at(-from.last) ?? 0);
  if (joinSequence < first && selected.length >= from.last) say(`begins at ${joinSequence}, the first is ${first}`);
  if (joinSequence > Math.max(first, retained)) say(`begins at ${joinSequence}, not at ${first}`);
}
