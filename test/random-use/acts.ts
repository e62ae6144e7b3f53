/** What a handler does with the bus when it is in the mood to: decided by the event in its hand. */
import type { Envelope } from '../../src/index.js';
import { turn } from '../support/bus-scene.js';
import { mix } from '../torture/payload.js';
import type { Account } from './account.js';
import type { Round } from './round.js';
import type { Sending } from './script.js';
import { CALM } from './temper.js';

export function act(round: Round, account: Account, envelope: Envelope): Promise<void> | undefined {
  const entry = round.reference.log[envelope.sequence];
  if (entry === undefined) return undefined;
  const dice = mix(entry.id, account.terms.temper!.salt + 99);
  const sending: Sending = {
    do: 'send',
    verb: 'publish',
    topic: dice % 6,
    shape: 'plain',
    size: dice % 300,
    namespace: undefined,
    times: 1,
    waits: false,
    inside: [],
    byToJson: false,
  };
  switch ((dice >> 8) % 9) {
    case 0:
      round.send(sending);
      return undefined;
    case 1:
      round.send({ ...sending, verb: 'tryPublish' });
      return undefined;
    case 2:
      round.send({ ...sending, verb: 'publishSync' });
      return turn();
    case 3:
      round.sender.forward(envelope, entry);
      return undefined;
    case 4:
      return round.writable(true);
    case 5:
      if (round.closing) return undefined;
      return round.subscribers.next({ do: 'next', filter: 0, timeoutMs: 20, aborts: false });
    case 6:
      round.subscribers.stop(account, dice % 2 === 0);
      return turn();
    case 7:
      round.subscribers.setFilter(account, dice % 4);
      return undefined;
    default:
      round.subscribe({
        do: 'subscribe',
        form: 'handler',
        filter: dice % 3,
        lossy: false,
        from: 'now',
        limit: 2,
        dedicated: false,
        diesOnce: false,
        temper: CALM,
      });
      return undefined;
  }
}
