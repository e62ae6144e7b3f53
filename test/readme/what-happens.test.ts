/** The section "What happens when…" of src/subscribe/README.md: every line of it is held by a test, named here. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

const root = new URL('../../../', import.meta.url);

/** The first cell of each line, and the file and title of the test that holds it. */
const HELD: Readonly<Record<string, readonly [file: string, title: string]>> = {
  'a subscriber is slow': ['bus/overflow', 'loses nothing for a slow thread whose publisher waits for writable'],
  'a subscriber blocks a waiting publisher for `stallTimeoutMs`': [
    'bus/stalls',
    'is evicted: its subscription, the bus and',
  ],
  "an evicted subscriber used its thread's shared reader": ['bus/stalls', 'those that come later are lossless again'],
  'a handler takes long, but nobody waits for room': ['bus/stalls', 'is not evicted while its handler takes long'],
  "the publisher's own thread is blocked": ['bus/stalls', 'is not evicted for the time that the publisher itself'],
  "a publisher waits while a subscriber's thread is restarted": [
    'bus/stall-watch',
    'does not stand still meanwhile, and does from',
  ],
  'a lossy subscriber is overtaken': ['bus/lossy', 'a handler is told exactly what it missed'],
  'a subscription begins at an event that is gone': ['bus/replay', 'whose start is gone is told how much it missed'],
  'a thread throws outside a handler, exits, or runs out of heap': [
    'worker/restarts',
    'a subscriber thread that dies of',
  ],
  'a thread hangs': ['worker/restarts', 'hangTimeoutMs'],
  'one event kills its thread again and again': [
    'bus/dead-letters',
    'is skipped at the third death while handled alone',
  ],
  'that event is itself a dead letter': ['bus/dead-letters', 'is itself a dead letter is skipped without another'],
  'a thread dies more often than `restart` allows': ['worker/restarts', 'is given up after its restarts of a minute'],
  "a thread dies with `restart: 'never'`": ['worker/restarts', 'with restart: never ends its subscription'],
  'a thread dies in its teardown': ['worker/restarts', 'in its teardown has delivered everything'],
  'a stopped thread has handled everything and does not end': ['bus/hanging-threads', 'is ended although it hangs in'],
  'the bus closes while a thread waits to be restarted': ['worker/restarts', 'is started again at once, and delivers'],
  'the table of topics is full': ['bus/counter-edges', 'whose table of topics is full delivers events'],
  'a 65th reader is needed': ['bus/counter-edges', 'refuses the 65th, and changes nothing by that'],
  'a forwarded envelope is damaged': ['hostile/envelopes', 'through forward are refused with an error of ours'],
  'a payload is damaged': ['hostile/envelopes', 'as payloads of known types reach handlers'],
};

const page = readFileSync(new URL('src/subscribe/README.md', root), 'utf8');
const section = page.split('## What happens when…\n')[1]?.split('\n## ')[0] ?? '';
const lines = [...section.matchAll(/^\| (.+?) +\|/gm)].map((match) => match[1]!.trim()).slice(2);

describe('the page on what happens when', () => {
  test('says nothing that no test holds', () => {
    assert.deepEqual(lines, Object.keys(HELD));
  });

  for (const [line, [file, title]] of Object.entries(HELD)) {
    test(`${line}: there is such a test`, () => {
      assert.ok(readFileSync(new URL(`test/${file}.test.ts`, root), 'utf8').includes(title), `${file}: ${title}`);
    });
  }
});
