/** Calls that must be refused, and change nothing. */
import { makeEnvelope, makeEvent } from './events.js';
import type { Round } from './round.js';

/** @param how which of the calls, modulo their number */
export function refuse(round: Round, how: number): void {
  const { bus, script, reference, sender } = round;
  const large = makeEvent(0, 'plain', script.capacityBytes / 8);
  const calls: readonly [code: string, call: () => unknown][] = [
    ['BUS_INVALID_TOPIC', () => bus.publish('a', {})],
    ['BUS_INVALID_TOPIC', () => bus.tryPublish('/a//b', {})],
    ['BUS_INVALID_TOPIC', () => bus.publishSync('/ringcast/mine', {})],
    ['BUS_INVALID_NAMESPACE', () => bus.publish('/a', {}, { namespace: 'not one' })],
    ['BUS_MALFORMED_ENVELOPE', () => bus.forward(makeEnvelope(0, '/a', 9, true).subarray(0, -3))],
    ['BUS_INVALID_GLOB', () => bus.subscribe('/a/', () => {})],
    ['BUS_UNKNOWN_OPTION', () => bus.subscribe('/a', () => {}, { isolated: true } as never)],
    ['BUS_EVENT_TOO_LARGE', () => bus.publish('/a', large)],
  ];
  const [code, call] = calls[how % calls.length]!;
  // Nothing is encoded that nobody wants.
  if (code === 'BUS_EVENT_TOO_LARGE' && !reference.wanted('/a', undefined).surely && !script.keepUnwanted) return;
  const before = bus.stats();
  let thrown: string | undefined = 'nothing';
  try {
    call();
  } catch (error) {
    ({ code: thrown } = error as { code?: string });
  }
  if (thrown !== code) round.fault(`${call} threw ${thrown}`);
  const after = bus.stats();
  for (const count of ['published', 'unwanted', 'refused'] as const) {
    if (before[count] !== after[count]) round.fault(`${call} changed ${count}`);
  }
  sender.checkPlaces(after, (text) => round.fault(`${call}: ${text}`));
}
