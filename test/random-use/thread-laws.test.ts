/** The laws of threads on their own: what they let pass where a thread takes events with it, and what they do not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readThread } from './thread-account.js';
import { ThreadLaws } from './thread-laws.js';
import { Kind, ThreadLog } from './thread-log.js';
import { packTerms, type ThreadEnd, type ThreadSubscribing } from './thread-script.js';

const EVERYTHING: ThreadSubscribing = {
  ...{ do: 'subscribe', form: 'isolated', filter: 0, lossy: false, from: 'now', except: [] },
  ...{ limit: undefined, salt: 0, wild: false },
};
const TERMS = packTerms({ topic: 0, shape: 'plain', namespace: 'default' });

/** What the laws say of a thread that queued two events, which never came, and ended, in a round that closed with nothing undelivered. */
function faultsOf(end: ThreadEnd, dropped: number): readonly string[] {
  const stamps = new SharedArrayBuffer(4);
  const witness = new ThreadLog(10, stamps);
  witness.add(Kind.Subscribed, 0, 0);
  witness.add(Kind.Ready, 0, 0);
  const log = new ThreadLog(10, stamps);
  for (const id of [8, 9]) {
    log.add(Kind.Begun, id, TERMS);
    log.add(Kind.Queued, id);
  }
  log.add(Kind.Done);
  const script = { firstId: 0, actions: [EVERYTHING], end, pinned: 1 };
  const threads = [
    readThread('witness', { ...script, end: 'close' }, witness.read(), false, true),
    readThread('thread', script, log.read(), false, true, dropped),
  ];
  return new ThreadLaws(threads, { complete: true, skipped: [] }).faults;
}

test('a thread that calls process.exit may take what it had queued with it, if all of it is counted as lost', () => {
  assert.deepEqual(faultsOf('exit', 2), []);
  assert.deepEqual(faultsOf('exit', 1), ['thread: 2 queued events are missing, from 8 on; 1 are counted as lost']);
});

test('a thread that ends by itself may not take anything with it, counted or not', () => {
  const faults = ['witness, subscription 0: event 8 never came', 'witness, subscription 0: event 9 never came'];
  assert.deepEqual(faultsOf('return', 2), faults);
});
