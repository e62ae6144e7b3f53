/** The end of a round: the bus is closed in one of the ways, and then everything must hold and nothing be left. */
import { setTimeout as sleep } from 'node:timers/promises';
import { MAX_READERS } from '../../src/ring/control-descriptor.js';
import { turn, until } from '../support/bus-scene.js';
import type { Account } from './account.js';
import { type Closing, faultsOf } from './laws.js';
import type { Round } from './round.js';
import { type RoundResult, resultOf } from './round-result.js';
import type { Subscribing } from './script.js';
import { CALM } from './temper.js';

/** Events by which what a thread released may lag behind what it handled. */
const RELEASE_LAG = 66;

export async function endRound(round: Round): Promise<RoundResult> {
  const { bus, script, subscribers, reference } = round;
  subscribers.consumePulled();
  const excused = new Set<Account>();
  const endedBefore = new Set<Account>();
  let closedAt = 0;
  const closing = (drainTimeoutMs: number): ReturnType<typeof bus.close> => {
    for (const account of reference.accounts) if (account.over) endedBefore.add(account);
    closedAt = reference.log.length;
    round.closing = true;
    round.sender.closed = true;
    const closed = bus.close({ drainTimeoutMs });
    if (bus.close() !== closed) round.fault('close() returned another promise');
    return closed;
  };
  const { undelivered } = await round.track('close', closeAsTold(round, closing, excused));
  // Letters about threads that died meanwhile: whoever has not ended by then may get them.
  for (let sequence = closedAt; sequence < reference.log.length; sequence++) {
    for (const account of reference.accounts) account.doubtful.add(sequence);
  }
  const owed = boundsOfOwed(reference.accounts, round, endedBefore, excused);
  if (undelivered < owed.least || undelivered > owed.most) {
    round.fault(`close left ${undelivered} undelivered, not ${owed.least} to ${owed.most}`);
  }
  if (undelivered > 0 && script.ending.do === 'close') round.fault(`close left ${undelivered} without a deadline`);
  // Handlers that were pending, reads that end.
  while (round.pending.size > 0) await sleep(1);
  await turn();
  checkClosed(round);
  const complete = undelivered === 0 && script.ending.do === 'close';
  const circumstances: Closing = { closedAt, complete, endedBefore, excused };
  for (const account of reference.accounts) {
    for (const fault of faultsOf(account, reference.log, circumstances)) round.fault(fault);
  }
  return resultOf(round, undelivered);
}

type Close = (drainTimeoutMs: number) => Promise<{ readonly undelivered: number }>;

async function closeAsTold(round: Round, close: Close, excused: Set<Account>): Promise<{ undelivered: number }> {
  const { bus } = round;
  const { ending } = round.script;
  switch (ending.do) {
    case 'deadline':
      return close(ending.ms);
    case 'destroy': {
      if (ending.closingFirst) {
        const closed = close(Number.POSITIVE_INFINITY);
        await turn();
        bus.destroy();
        return closed;
      }
      const closed = new Promise<{ undelivered: number }>((resolve) => setImmediate(() => resolve(close(0))));
      await turn();
      bus.destroy();
      return closed;
    }
    case 'close':
      if (ending.where === 'handler' || ending.where === 'stream') {
        return closeInside(round, close, ending.where, excused);
      }
      if (ending.where === 'emptied') await empty(round);
      return close(Number.POSITIVE_INFINITY);
  }
}

/** Stops every subscription: then nothing is queued, whoever was told to wait was told of room, and all readers are free. */
async function empty(round: Round): Promise<void> {
  const { bus, reference, subscribers } = round;
  const isOpen = ({ subscription, over }: Account): boolean => subscription !== undefined && !over;
  for (let open: Account[] = []; (open = reference.accounts.filter(isOpen)).length > 0; ) {
    for (const account of open) subscribers.stop(account, true);
    await round.track('all have ended', Promise.all(open.map(({ subscription }) => subscription!.ended)));
    await turn();
  }
  await round.track(
    'drain',
    until(() => bus.stats().pending.events === 0 && round.isDrained),
  );
  // Reads of one event that has not come.
  const others = bus.stats().subscriptions.length;
  let taken = 0;
  try {
    for (; taken <= MAX_READERS; taken++) bus.subscribe('/nowhere', () => {}, { isolate: true });
  } catch (error) {
    const { code } = error as { code?: string };
    if (code !== 'BUS_TOO_MANY_READERS') round.fault(`a free reader: ${error}`);
  }
  if (taken > MAX_READERS || taken + others < MAX_READERS) {
    round.fault(`${taken} readers could be taken when ${others} were left`);
  }
}

/** Closes the bus in a handler, or in the loop over a stream, that waits for it. */
async function closeInside(
  round: Round,
  close: Close,
  where: 'handler' | 'stream',
  excused: Set<Account>,
): Promise<{ undelivered: number }> {
  const plan: Subscribing = {
    do: 'subscribe',
    form: 'isolated',
    filter: 1,
    lossy: false,
    from: 'now',
    limit: undefined,
    dedicated: false,
    diesOnce: false,
    temper: CALM,
  };
  return new Promise((resolve) => {
    let closed: Promise<{ undelivered: number }> | undefined;
    const inside = (account: Account): Promise<void> => {
      if (closed === undefined) {
        excused.add(account);
        closed = close(Number.POSITIVE_INFINITY);
        void closed.then(resolve);
      }
      return closed.then(() => {});
    };
    round.subscribers.subscribe({ ...plan, form: where === 'handler' ? 'isolated' : 'stream' }, inside);
    const knock = async (): Promise<void> => {
      while (closed === undefined) {
        round.sender.send({
          do: 'send',
          verb: 'tryPublish',
          topic: 0,
          shape: 'plain',
          size: 1,
          namespace: undefined,
          times: 1,
          waits: false,
          inside: [],
          byToJson: false,
        });
        await turn();
      }
    };
    void round.track('knock', knock());
  });
}

/** Between how many and how many deliveries were owed when the bus was given up. */
function boundsOfOwed(
  accounts: readonly Account[],
  { reference: { log } }: Round,
  endedBefore: ReadonlySet<Account>,
  excused: ReadonlySet<Account>,
): { readonly least: number; readonly most: number } {
  let least = 0;
  let most = 0;
  for (const account of accounts) {
    const { terms, cutOff, inThread, gaveUp, told, evictions, receipts, delivered, failed } = account;
    if (endedBefore.has(account) || excused.has(account) || cutOff || gaveUp) continue;
    const received = new Set(receipts.map(({ sequence }) => sequence));
    const missed = (sequence: number): boolean =>
      told.some(({ first, count, until = first + count }) => sequence >= first && sequence < until);
    const owed = account.owed(log);
    const left = owed.filter(
      (sequence) => !received.has(sequence) && !account.skipped.has(sequence) && !missed(sequence),
    );
    const limit = (terms.limit ?? Number.POSITIVE_INFINITY) - received.size;
    if (limit <= 0) continue;
    const unread = Math.min(left.length, limit);
    const inHand = terms.form === 'handler' || terms.form === 'isolated' ? received.size - delivered - failed : 0;
    // A lossy reader is owed what it has not missed yet, and it does not know yet what it has missed.
    least += terms.lossy || evictions > 0 ? 0 : unread + inHand - account.doubtful.size;
    most += unread + account.doubtful.size + (inThread ? (terms.form === 'batches' ? received.size : RELEASE_LAG) : 1);
  }
  return { least, most };
}

function checkClosed(round: Round): void {
  const { bus, reference, script } = round;
  const stats = bus.stats();
  const say = (text: string): void => round.fault(`after the close ${text}`);
  if (stats.published !== reference.published) say(`published is ${stats.published}, not ${reference.published}`);
  if (stats.unwanted !== reference.unwanted) say(`unwanted is ${stats.unwanted}, not ${reference.unwanted}`);
  if (stats.refused !== reference.refused) say(`refused is ${stats.refused}, not ${reference.refused}`);
  if (stats.evictions !== round.evictions) say(`evictions are ${stats.evictions}, not ${round.evictions}`);
  if (stats.subscriptions.length > 0) say(`${stats.subscriptions.map(({ name }) => name)} are there`);
  if (stats.ring.usedBytes !== 0 || stats.ring.heldBy !== undefined) say(`${stats.ring.heldBy} holds the ring`);
  if (script.ending.do === 'close' && stats.pending.events > 0) say(`${stats.pending.events} events wait`);
  round.sender.checkPlaces(stats, say);
  for (const fault of round.subscribers.heldSignals()) say(fault);
  for (const call of [() => bus.publish('/a', {}), () => bus.subscribe('/a', () => {}), () => void bus.next('/a')]) {
    try {
      call();
      say(`${call} was taken`);
    } catch (error) {
      if ((error as { code?: string }).code !== 'BUS_CLOSED') say(`${call} threw ${error}`);
    }
  }
}
