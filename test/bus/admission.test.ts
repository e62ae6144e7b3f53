/** What publish and forward let in: containerd's rules for namespaces, topics, times and events, one validator at both doors. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TaskExit } from '../../src/events.js';
import { type Bus, createBus, type Envelope } from '../../src/index.js';
import { SMALL_RING_BYTES, thrownBy } from '../support/bus-scene.js';
import { envelopeWith } from '../support/envelope-bytes.js';

const event = { typeUrl: TaskExit.typeUrl, value: Buffer.of(0x18, 7) };

const ok = undefined;
const LONGEST = 'a'.repeat(76);

/** Topics, and the code of the error where they are refused. */
const topics: readonly [topic: string, code: string | undefined][] = [
  ...['/x', '/test', '/test/test', '/tasks/exec-added', '/a.b/c_d', '/A/B/C/D/E/F', `/${LONGEST}`].map(
    (topic) => [topic, ok] as [string, undefined],
  ),
  ...['', '/', 'x', 'test', '/x/', '//x', '/x//y', '/tasks/?', '/a..b', '/-a', '/a-', '/é', '/a b', '/*', '/**'].map(
    (topic) => [topic, 'BUS_INVALID_TOPIC'] as [string, string],
  ),
  ['/x\n', 'BUS_INVALID_TOPIC'],
  [`/${LONGEST}a`, 'BUS_INVALID_TOPIC'],
];

const namespaces: readonly [namespace: string, code: string | undefined][] = [
  ...['default', 'Default', 'default-default', 'containerd.io', 'swarmkit.docker.io', '0912341234', LONGEST].map(
    (namespace) => [namespace, ok] as [string, undefined],
  ),
  ...['task.0.0123456789', 'container.system-75-f19a.00', 'underscores_are_allowed', 'foo.boo'].map(
    (namespace) => [namespace, ok] as [string, undefined],
  ),
  ...['', '.foo..foo', 'foo/foo', 'foo/..', 'foo..foo', 'foo.-boo', '-foo.boo', 'foo.boo-', `${LONGEST}a`].map(
    (namespace) => [namespace, 'BUS_INVALID_NAMESPACE'] as [string, string],
  ),
  ...['but__only_tasteful_underscores', 'zn--e9.org', 'default--default', 'a\n'].map(
    (namespace) => [namespace, 'BUS_INVALID_NAMESPACE'] as [string, string],
  ),
];

const INCOMPLETE = 'BUS_INCOMPLETE_ENVELOPE';

/** What only forward can be given. */
const envelopes: readonly [name: string, bytes: Uint8Array, code: string | undefined, field?: string][] = [
  ['a whole envelope', envelopeWith({}), ok],
  ['a time before 1970', envelopeWith({ timestamp: { seconds: -1, nanos: 999_999_999 } }), ok],
  ['a time of nanoseconds alone', envelopeWith({ timestamp: { seconds: 0, nanos: 1 } }), ok],
  ['an event without a payload', envelopeWith({ event: { typeUrl: 'a.B', value: Buffer.of() } }), ok],
  ['a type that nobody knows', envelopeWith({ event: { typeUrl: 'a.B', value: Buffer.of(0xff) } }), ok],
  ['nothing at all', new Uint8Array(0), INCOMPLETE, 'timestamp'],
  ['no time', envelopeWith({ timestamp: undefined }), INCOMPLETE, 'timestamp'],
  ['a zero time', envelopeWith({ timestamp: {} }), INCOMPLETE, 'timestamp'],
  ['a second of nanoseconds', envelopeWith({ timestamp: { seconds: 5, nanos: 1e9 } }), INCOMPLETE, 'timestamp'],
  ['negative nanoseconds', envelopeWith({ timestamp: { seconds: 5, nanos: -1 } }), INCOMPLETE, 'timestamp'],
  ['no event', envelopeWith({ event: undefined }), INCOMPLETE, 'event'],
  ['an empty event', envelopeWith({ event: {} }), INCOMPLETE, 'event'],
  ['an event without a type', envelopeWith({ event: { value: Buffer.of(1) } }), INCOMPLETE, 'event'],
  ['no namespace', envelopeWith({ namespace: undefined }), 'BUS_INVALID_NAMESPACE'],
  ['no topic', envelopeWith({ topic: undefined }), 'BUS_INVALID_TOPIC'],
];

/** The envelopes that come out of a bus of which `act` makes use; the error, if any, with its code. */
async function admitted(act: (bus: Bus) => unknown, code: string | undefined): Promise<Envelope[]> {
  await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
  const got: Envelope[] = [];
  bus.subscribe('/**', (envelope) => void got.push(envelope));
  if (code === undefined) act(bus);
  else assert.equal(thrownBy(() => act(bus)).code, code);
  await bus.close();
  assert.equal(got.length, code === undefined ? 1 : 0);
  return got;
}

describe('publish and forward alike', { timeout: 600_000 }, () => {
  for (const [topic, code] of topics) {
    test(`${code === undefined ? 'take' : 'refuse'} the topic ${JSON.stringify(topic)}`, async () => {
      for (const envelope of [
        ...(await admitted((bus) => bus.publish(topic, event), code)),
        ...(await admitted((bus) => bus.forward(envelopeWith({ topic })), code)),
      ]) {
        assert.equal(envelope.topic, topic);
      }
    });
  }

  for (const [namespace, code] of namespaces) {
    test(`${code === undefined ? 'take' : 'refuse'} the namespace ${JSON.stringify(namespace)}`, async () => {
      for (const envelope of [
        ...(await admitted((bus) => bus.publish('/test', event, { namespace }), code)),
        ...(await admitted((bus) => bus.forward(envelopeWith({ namespace })), code)),
      ]) {
        assert.equal(envelope.namespace, namespace);
      }
    });
  }
});

describe('forward', { timeout: 600_000 }, () => {
  for (const [name, bytes, code, field] of envelopes) {
    test(`${code === undefined ? 'takes' : 'refuses'} ${name}`, async () => {
      const [envelope] = await admitted((bus) => bus.forward(bytes), code);
      if (envelope !== undefined) assert.deepEqual(envelope.toBinary(), bytes);
      if (field !== undefined) {
        assert.equal((thrownBy(() => createBus().forward(bytes)) as unknown as { field: string }).field, field);
      }
    });
  }

  test('refuses a bad time also from one whose like it has let in', async () => {
    await admitted((bus) => {
      bus.forward(envelopeWith({}));
      const late = envelopeWith({ timestamp: { seconds: 1_700_000_000, nanos: 1e9 } });
      assert.equal(thrownBy(() => bus.forward(late)).code, INCOMPLETE);
    }, ok);
  });
});
