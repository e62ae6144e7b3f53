/**
 * What a condition on a field costs an event, beside decoding that event: `event.exit_status!=0` on TaskExit events. Filtering
 * without decoding pays while it costs a small part of decoding.
 */
import { EnvelopeContext } from '../../src/envelope/envelope-context.js';
import { EnvelopeSource } from '../../src/envelope/envelope-source.js';
import { ReceivedEnvelope } from '../../src/envelope/received-envelope.js';
import { TypeRegistry } from '../../src/envelope/type-registry.js';
import { compileFilter } from '../../src/topic/filter.js';
import { FieldReader } from '../../src/worker/field-reader.js';
import { timeCalls } from '../call-timing.js';
import { EVENT_MASK, plainEvents, TOPIC } from '../corpus.js';
import { VerificationError } from '../results.js';
import { type BenchCase, inTurns, type Subject } from '../rounds.js';
import { encodeEnvelope, loadStaticCodec } from '../static-codec.js';

const CASE = 'filter/field';
const EXPRESSION = 'event.exit_status!=0';
const TYPE = 'containerd.events.TaskExit';

/** Answers for an envelope whether its exit status is not 0. */
type Asks = (envelope: ReceivedEnvelope) => boolean;

function subject(name: string, makeAsks: () => Asks): Subject {
  return {
    name,
    async open() {
      const asks = makeAsks();
      const registry = new TypeRegistry();
      const context = new EnvelopeContext(registry);
      const codec = await loadStaticCodec();
      const encoded = plainEvents.map((event) =>
        Buffer.from(encodeEnvelope(codec, event, { seconds: 1_700_000_000, nanos: 5 })),
      );
      const type = context.resolve(TYPE);
      // As a reader has them: the topic, the type and the place of the payload are in the record.
      const payloads = plainEvents.map((event) => codec.TaskExit.encode(event).finish().length);
      const envelopes = (count: number): ReceivedEnvelope[] =>
        Array.from({ length: count }, (_, i) => {
          const bytes = encoded[i & EVENT_MASK]!;
          const payloadOffset = bytes.length - payloads[i & EVENT_MASK]!;
          const source = new EnvelopeSource(context, bytes);
          return new ReceivedEnvelope(source, 0, bytes.length, payloadOffset, TOPIC, type, i, false, 0);
        });
      const expected = plainEvents.map(({ exitStatus }) => exitStatus !== 0);
      envelopes(expected.length).forEach((envelope, i) => {
        if (asks(envelope) !== expected[i]) throw new VerificationError(CASE, name, `event ${i} is answered wrongly`);
      });
      let ready: ReceivedEnvelope[] = [];
      let held = 0;
      return timeCalls({
        // New ones each time: an envelope decodes once.
        prepare(count) {
          ready = envelopes(count);
        },
        batch(count) {
          for (let i = 0; i < count; i++) if (asks(ready[i]!)) held++;
        },
        close() {
          if (held === 0) throw new VerificationError(CASE, name, 'no event was ever found');
        },
      });
    },
  };
}

function condition(): Asks {
  const answer = compileFilter(EXPRESSION).forTopic(TOPIC);
  if (typeof answer === 'boolean') throw new VerificationError(CASE, 'ringcast', 'the filter has no condition');
  return answer.bind(new FieldReader(new TypeRegistry()));
}

const decoded: Asks = (envelope) => (envelope.event as { exitStatus: number }).exitStatus !== 0;

export const fieldCases: readonly BenchCase[] = [
  inTurns(CASE, { cost: 'ns' }, [subject('ringcast', condition), subject('decoding', () => decoded)]),
];
