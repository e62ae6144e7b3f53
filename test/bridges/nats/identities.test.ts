/** What NATS bridges know of events: subjects, identities, what was seen. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BusPassages } from '../../../src/bridges/nats/bus-passages.js';
import { type EventIdentity, IdentityWriter, readIdentities } from '../../../src/bridges/nats/identities.js';
import { SequenceWindow } from '../../../src/bridges/nats/sequence-window.js';
import { PREFIX, subjectOf } from '../../../src/bridges/nats/subjects.js';
import { range } from '../../support/bus-scene.js';
import { topics } from '../../support/topic-arbitraries.js';

const id = fc.constantFrom('A', 'b-1', 'C_2');

describe('identities of events', () => {
  test('are read as they were written', () => {
    const identity = fc.record(
      {
        path: fc.array(id, { minLength: 1, maxLength: 8 }),
        sequence: fc.nat({ max: 2 ** 53 - 100_000 }),
        run: fc.integer({ min: 1, max: 4 }),
      },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(fc.array(identity, { minLength: 1 }), (runs) => {
        const writer = new IdentityWriter();
        const written: EventIdentity[] = [];
        for (const { path, sequence, run } of runs) {
          for (const index of range(run)) {
            writer.add(path.join('>'), sequence + index);
            written.push({ path, sequence: sequence + index });
          }
        }
        const read = readIdentities(`${writer}`)!.flatMap(({ path, first, count }) =>
          range(count).map((index) => ({ path, sequence: first + index })),
        );
        assert.deepEqual(read, written);
      }),
    );
  });

  test('of events that follow each other take one run', () => {
    const writer = new IdentityWriter();
    for (const sequence of range(256)) writer.add('A', 1_000 + sequence);
    assert.equal(`${writer}`, 'A 1000*256');
    writer.add('A', 5);
    writer.add('B>A', 6);
    assert.equal(`${writer}`, 'A 1000*256,5*1;B>A 6*1');
  });

  test('that are none are refused', () => {
    const nonsense = [
      '',
      'A',
      'A ',
      'A 1',
      'A 1*',
      'A 1*x',
      'A -1*1',
      'A b 1*1',
      'A 1*1;',
      '> 1*1',
      'a.b 1*1',
      'A 1*99999,2*99999',
    ];
    for (const text of [...nonsense, `${range(9).join('>')} 1*1`, `${'x'.repeat(33)} 1*1`])
      assert.equal(readIdentities(text), undefined, text);
    fc.assert(
      fc.property(fc.string(), (text) => {
        readIdentities(text);
      }),
    );
  });
});

describe('a window of sequences', () => {
  test('knows what it has seen of the last million, in any order', () => {
    const step = fc.oneof(fc.integer({ min: -50, max: 50 }), fc.constantFrom(2 ** 20 - 1, 2 ** 20, 3 * 2 ** 20));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const window = new SequenceWindow();
        const seen = new Set<number>();
        let at = 0;
        let highest = -1;
        for (const by of steps) {
          at = Math.max(0, at + by);
          const known = seen.has(at) && at > highest - 2 ** 20;
          assert.equal(window.add(at), !known);
          seen.add(at);
          highest = Math.max(highest, at);
        }
      }),
    );
  });
});

describe('the passages of a bus', () => {
  test('say an event is new once, whichever way it comes, and forget buses not heard of for long', () => {
    const passages = BusPassages.of({}, 'me');
    assert.ok(passages.seenOf('A').add(1));
    assert.ok(!passages.seenOf('A').add(1));
    assert.ok(passages.seenOf('B').add(1));
    for (const other of range(64)) passages.seenOf(`x${other}`);
    assert.ok(passages.seenOf('A').add(1));
  });

  test('remember how events came for the other bridges, each of several that look alike', () => {
    const passages = BusPassages.of({}, undefined);
    const [one, two, three] = [{}, {}, {}];
    passages.senders.add(one);
    assert.ok(!passages.sendsOn(one), 'nobody else sends');
    passages.senders.add(two).add(three);
    assert.ok(passages.sendsOn(one));
    passages.cameBy('k', { path: ['A'], sequence: 1 });
    passages.cameBy('k', { path: ['A'], sequence: 2 });
    assert.equal(passages.wayOf(two, 'other'), undefined);
    for (const sender of [two, three]) {
      assert.equal(passages.wayOf(sender, 'k')!.sequence, 1);
      assert.equal(passages.wayOf(sender, 'k')!.sequence, 2);
    }
  });

  test('have one id for all bridges of a bus', () => {
    const bus = {};
    const { busId } = BusPassages.of(bus, undefined);
    assert.equal(BusPassages.of(bus, undefined).busId, busId);
    assert.throws(() => BusPassages.of(bus, 'other'), { code: 'BUS_INVALID_OPTION' });
    assert.notEqual(BusPassages.of({}, undefined).busId, busId);
  });
});

describe('subjects', () => {
  test('are different for different topics, and hold nothing that means something to a server', () => {
    fc.assert(
      fc.property(fc.uniqueArray(topics, { maxLength: 50 }), (some) => {
        const subjects = some.map((topic) => subjectOf('p', topic));
        assert.equal(new Set(subjects).size, some.length);
        for (const subject of subjects) assert.match(subject, /^p(\.[A-Za-z0-9][\w-]*)+$/);
      }),
    );
    assert.equal(subjectOf('ringcast', '/k8s.io/tasks-1'), 'ringcast.k8s__io.tasks-1');
  });

  test('have a prefix of tokens without wildcards', () => {
    for (const prefix of ['ringcast', 'a.b-c.D_1']) assert.match(prefix, PREFIX);
    for (const prefix of ['', '.', 'a.', 'a.*', '>', 'a b', '_INBOX', 'a.$b']) assert.doesNotMatch(prefix, PREFIX);
  });
});
