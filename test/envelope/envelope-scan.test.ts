import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { reencode } from '../../src/envelope/envelope-reencode.js';
import { scanEnvelope } from '../../src/envelope/envelope-scan.js';
import { EnvelopeTemplate } from '../../src/envelope/envelope-template.js';
import { TemplateTable } from '../../src/envelope/template-table.js';
import { MalformedEnvelopeError } from '../../src/errors.js';
import { Envelope as EnvelopeMessage } from '../../src/events.js';
import { arbitraryEnvelope, oracleEnvelope } from '../support/envelope-oracle.js';
import { size } from '../support/full.js';

const usual = {
  timestamp: { seconds: 1_732_000_000, nanos: 123_456_789 },
  namespace: 'k8s.io',
  topic: '/tasks/exit',
  event: { typeUrl: 'containerd.events.TaskExit', value: Uint8Array.of(10, 1, 97) },
};
const usualBytes = oracleEnvelope(usual);

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

function offsetOf(run: () => unknown): number {
  let offset = -1;
  assert.throws(run, (error: unknown) => {
    assert.ok(error instanceof MalformedEnvelopeError, `${error}`);
    offset = error.offset;
    return true;
  });
  return offset;
}

describe('scanEnvelope', () => {
  it('reads what protobufjs writes and calls it canonical', () => {
    fc.assert(
      fc.property(arbitraryEnvelope, fc.nat(5), (fields, before) => {
        const envelope = oracleEnvelope(fields);
        const bytes = Buffer.concat([Buffer.alloc(before, 0xff), envelope, Buffer.of(0xff)]);
        const scan = scanEnvelope(bytes, before, before + envelope.length);
        assert.deepEqual(
          {
            timestamp: { seconds: scan.seconds, nanos: scan.nanos },
            namespace: scan.namespace,
            topic: scan.topic,
            event: { typeUrl: scan.typeUrl, value: new Uint8Array(bytes.subarray(scan.payloadStart, scan.payloadEnd)) },
          },
          fields,
        );
        assert.ok(scan.canonical && scan.hasTimestamp && scan.hasEvent && scan.unknownFields.length === 0);
      }),
    );
  });

  const head = '0a02 0801';
  const tail = '22030a0161';
  const cases: [name: string, bytes: string, canonical: boolean][] = [
    ['fields in order', `${head} 120161 1a0162 ${tail}`, true],
    ['fields out of order', `120161 ${head} 1a0162 ${tail}`, false],
    ['a field twice', `${head} 120163 120161 1a0162 ${tail}`, false],
    ['a longer varint than needed for a length', `${head} 12810061 1a0162 ${tail}`, false],
    ['a longer varint than needed for a tag', `${head} 92000161 1a0162 ${tail}`, false],
    ['a longer varint than needed for the seconds', `0a03 088100 120161 1a0162 ${tail}`, false],
    ['an empty string that is written', `${head} 1200 1a0162 ${tail}`, false],
    ['nanos of zero that are written', `0a04 08011000 120161 1a0162 ${tail}`, false],
    ['an empty payload that is written', `${head} 120161 1a0162 2205 0a0161 1200`, false],
    ['more than 32 bits of nanos', '0a08 0801 108180808011 120161 1a0162 22030a0161', false],
    ['negative nanos in five bytes', '0a08 0801 108080808008 120161 1a0162 22030a0161', false],
    ['the bits beyond 64 of negative seconds', '0a0b 08ffffffffffffffffff7f 120161 1a0162 22030a0161', false],
    ['negative seconds', '0a0b 08ffffffffffffffffff01 120161 1a0162 22030a0161', true],
    ['an unknown field', `${head} 120161 1a0162 ${tail} 2a0100`, false],
    ['an unknown field in the timestamp', '0a04 0801 1801 120161 1a0162 22030a0161', false],
    ['no timestamp', `120161 1a0162 ${tail}`, false],
    ['no event', `${head} 120161 1a0162`, false],
    ['nothing at all', '', false],
    ['no timestamp, but a length two bytes longer', `1281800061 1a0162 ${tail}`, false],
    ['no event, but a length two bytes longer', `${head} 1281800061 1a0162`, false],
  ];
  for (const [name, bytes, canonical] of cases) {
    it(`tells canonical from not: ${name}`, () => {
      const source = hex(bytes);
      assert.equal(scanEnvelope(source, 0, source.length).canonical, canonical);
    });
  }

  it('takes the last of repeated strings and merges repeated messages', () => {
    const source = hex('0a020801 0a021002 120161 120162 22030a0161 2203120109 2203120108');
    const scan = scanEnvelope(source, 0, source.length);
    assert.deepEqual([scan.seconds, scan.nanos, scan.namespace, scan.typeUrl], [1, 2, 'b', 'a']);
    assert.deepEqual([...source.subarray(scan.payloadStart, scan.payloadEnd)], [8]);
  });

  it('names the byte where an envelope is damaged, counted from its start', () => {
    for (const before of [0, 3]) {
      const scan = (bytes: Buffer) =>
        offsetOf(() => scanEnvelope(Buffer.concat([Buffer.alloc(before), bytes]), before, before + bytes.length));
      assert.equal(scan(hex('120261')), 3);
      assert.equal(scan(hex('1201ff')), 2);
      assert.equal(scan(hex('120161 07')), 4);
      assert.equal(scan(hex('0a0b 08ffffffffffffffff7f')), 12);
      assert.equal(scan(hex('0a0a 08ffffffffffffffff7f')), 3);
    }
  });

  it('accepts and refuses damaged envelopes as the generated codec does', () => {
    fc.assert(
      fc.property(arbitraryEnvelope, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }), (fields, changes) => {
        const bytes = oracleEnvelope(fields);
        for (const [where, value] of changes) bytes[where % bytes.length] = value;
        let decoded: EnvelopeMessage | undefined;
        try {
          decoded = EnvelopeMessage.decode(bytes, 0, bytes.length);
        } catch {
          assert.throws(() => scanEnvelope(bytes, 0, bytes.length), MalformedEnvelopeError);
          return;
        }
        if (!Number.isSafeInteger(decoded.timestamp?.seconds ?? 0)) return;
        const scan = scanEnvelope(bytes, 0, bytes.length);
        assert.equal(scan.namespace, decoded.namespace);
        assert.equal(scan.topic, decoded.topic);
        assert.equal(scan.seconds, decoded.timestamp?.seconds ?? 0);
        assert.equal(scan.nanos, decoded.timestamp?.nanos ?? 0);
        assert.equal(scan.typeUrl, decoded.event?.typeUrl ?? '');
        const payload = Buffer.from(bytes.subarray(scan.payloadStart, scan.payloadEnd));
        assert.deepEqual(payload, Buffer.from(decoded.event?.value ?? []));
        // Canonical means: what writing it again gives.
        const target = Buffer.alloc(1 << 16);
        const again = target.subarray(0, EnvelopeMessage.encode(decoded, target, 0, target.length));
        // Unknown fields are written again, too, in the same places.
        assert.equal(reencode(bytes).toString('hex'), again.toString('hex'));
        const unknown = scan.unknownFields.length + scan.unknownInTimestamp.length + scan.unknownInEvent.length;
        // Negative nanos are no date; they are written anew, to whatever bytes.
        if (scan.hasTimestamp && scan.hasEvent && scan.nanos >= 0)
          assert.equal(scan.canonical, unknown === 0 && again.equals(bytes));
      }),
      { numRuns: size(300, 1_000) },
    );
  });
});

describe('reencode', () => {
  it('puts known fields in canonical form first and keeps unknown ones after them, in order', () => {
    const source = hex('2a0101 120161 30 05 0a020801 1a0162 2a0102 22030a0161');
    assert.equal(
      reencode(source).toString('hex'),
      hex('0a020801 120161 1a0162 22030a0161 2a0101 3005 2a0102').toString('hex'),
    );
  });

  it('keeps unknown fields of the timestamp and of the event inside of them', () => {
    assert.equal(
      reencode(hex('0a0408011001 120164 1a022f74 2209 0a0178 120161 7a0161')).toString('hex'),
      hex('0a0408011001 120164 1a022f74 2209 0a0178 120161 7a0161').toString('hex'),
    );
    assert.equal(
      reencode(hex('0a09 7a0161 10020801 7801 120164 1a022f74 2207 7805 0a0178 1200')).toString('hex'),
      hex('0a09 08011002 7a0161 7801 120164 1a022f74 2205 0a0178 7805').toString('hex'),
    );
  });

  it('refuses seconds that a number does not hold, and says so', () => {
    const bytes = hex('0a0a 0880808080808080f001 120164 1a022f74 22030a0178');
    assert.throws(() => reencode(bytes), {
      code: 'BUS_MALFORMED_ENVELOPE',
      message: /seconds of its time are 2\^53 or more/,
    });
  });

  it('has no fields that were not there', () => {
    assert.equal(reencode(hex('120161')).toString('hex'), '120161');
    assert.equal(reencode(hex('120161 0a0408011000')).toString('hex'), '0a020801120161');
    assert.equal(reencode(hex('2200 120161')).toString('hex'), '1201612200');
    assert.equal(reencode(hex('')).length, 0);
  });

  it('gives canonical bytes back, and its own output too', () => {
    fc.assert(
      fc.property(arbitraryEnvelope, (fields) => {
        const bytes = oracleEnvelope(fields);
        assert.deepEqual(reencode(bytes), bytes);
      }),
    );
  });
});

describe('template table', () => {
  it('finds an envelope by the template of its header, with its time and payload', () => {
    const moved = Buffer.concat([Buffer.alloc(5), usualBytes, Buffer.alloc(5)]);
    const table = new TemplateTable(moved);
    assert.equal(table.find(5, 5 + usualBytes.length), undefined);
    const template = new EnvelopeTemplate('k8s.io', '/tasks/exit', 'containerd.events.TaskExit');
    table.add(template);
    assert.equal(table.find(5, 5 + usualBytes.length), template);
    assert.deepEqual([table.seconds, table.nanos], [1_732_000_000, 123_456_789]);
    assert.equal(table.payloadOffset, usualBytes.length - 3);
    assert.equal(table.find(5, 4 + usualBytes.length), undefined);
    assert.equal(table.find(4, 5 + usualBytes.length), undefined);
  });

  const times: [name: string, timestamp: string][] = [
    ['nanos beyond 32 bits', '0a08 0801 108080808010'],
    ['nanos of a second or more', '0a08 0801 108094ebdc03'],
    ['nanos in more bytes than needed', '0a05 0801 108100'],
    ['seconds in more bytes than needed', '0a05 088100 1001'],
    ['seconds beyond what a number holds', '0a0c 08ffffffffffffffff7f 1001'],
    ['seconds before 1970', '0a0d 08ffffffffffffffffff01 1001'],
    ['no seconds', '0a02 1001'],
    ['no nanos', '0a02 0801'],
    ['nanos that do not end', '0a04 0801 1080'],
    ['an unknown field', '0a06 0801 1001 1801'],
  ];
  for (const [name, timestamp] of times) {
    it(`leaves a timestamp with ${name} to the scan`, () => {
      const bytes = Buffer.concat([hex(timestamp), usualBytes.subarray(usualBytes[1]! + 2)]);
      const table = new TemplateTable(bytes);
      table.add(new EnvelopeTemplate('k8s.io', '/tasks/exit', 'containerd.events.TaskExit'));
      assert.equal(table.find(0, bytes.length), undefined);
    });
  }

  it('leaves an envelope with a longer length than needed to the scan', () => {
    const { length } = usualBytes;
    const payloadLength = length - 4;
    const eventLength = length - 34;
    const longer = (at: number, eventSize: number) => {
      const bytes = Buffer.concat([
        usualBytes.subarray(0, at),
        Buffer.of(usualBytes[at]! | 0x80, 0),
        usualBytes.subarray(at + 1),
      ]);
      bytes[eventLength] = at === eventLength ? eventSize | 0x80 : eventSize;
      return bytes;
    };
    for (const bytes of [longer(payloadLength, 34), longer(eventLength, 33)]) {
      const scan = scanEnvelope(bytes, 0, bytes.length);
      assert.deepEqual(
        [scan.topic, scan.typeUrl, scan.payloadEnd - scan.payloadStart],
        ['/tasks/exit', usual.event.typeUrl, 3],
      );
      assert.equal(scan.canonical, false);
      const table = new TemplateTable(bytes);
      table.add(new EnvelopeTemplate('k8s.io', '/tasks/exit', 'containerd.events.TaskExit'));
      assert.equal(table.find(0, bytes.length), undefined);
    }
  });

  it('finds only what a scan calls canonical, with the same result', () => {
    let hits = 0;
    fc.assert(
      fc.property(
        arbitraryEnvelope,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 2 }),
        fc.boolean(),
        (fields, changes, plausible) => {
          const base = plausible
            ? { ...usual, timestamp: { ...fields.timestamp }, event: { ...usual.event, value: fields.event.value } }
            : fields;
          const bytes = oracleEnvelope(base);
          const table = new TemplateTable(bytes);
          const template = new EnvelopeTemplate(base.namespace, base.topic, base.event.typeUrl);
          table.add(template);
          for (const [where, value] of changes) bytes[where % bytes.length] = value;
          if (table.find(0, bytes.length) === undefined) return;
          hits++;
          const scan = scanEnvelope(bytes, 0, bytes.length);
          assert.ok(scan.canonical);
          assert.deepEqual(
            [scan.namespace, scan.topic, scan.typeUrl, scan.seconds, scan.nanos, scan.payloadStart, scan.payloadEnd],
            [
              template.namespace,
              template.topic,
              template.typeUrl,
              table.seconds,
              table.nanos,
              table.payloadOffset,
              bytes.length,
            ],
          );
        },
      ),
      { numRuns: size(500, 2_000) },
    );
    assert.ok(hits > size(20, 100), `only ${hits} hits`);
  });
});
