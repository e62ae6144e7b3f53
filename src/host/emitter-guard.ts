/**
 * The EventEmitters of this package: one that is used as if topics were its events says so, as nothing would ever come of it,
 * and no listener of one ends the process.
 */
import { EventEmitter } from 'node:events';
import { InvalidOptionError } from '../errors.js';
import { warnOfRejection } from './report.js';

/** Those that name an event which has to exist. */
const LISTENING = ['emit', 'on', 'once', 'addListener', 'prependListener', 'prependOnceListener'] as const;
/** Those that do nothing where there is nothing: only topics are refused, by who would end a subscription. */
const LEAVING = ['off', 'removeListener', 'removeAllListeners'] as const;
/** What every EventEmitter tells of itself. */
const OF_EMITTERS = ['newListener', 'removeListener'];

/**
 * Makes the instances of a class refuse topics, globs, and whatever else is none of their events. Symbols are left alone: Node
 * and those who instrument it use them.
 *
 * A listener that is an async function and rejects is warned of, as one that throws is: where the constructor asks the
 * EventEmitter to capture rejections.
 *
 * @param events names of the events that there are
 */
export function guardEmitter(prototype: EventEmitter, events: object): void {
  const known = [...Object.keys(events), ...OF_EMITTERS];
  const isOther = (name: string): boolean => !known.includes(name);
  const isTopic = (name: string): boolean => /^(\/|\*\*)/.test(name);
  const names = Object.keys(events).map((name) => `'${name}'`);
  guard(prototype, LISTENING, isOther, `one of ${names.join(', ')}; call bus.publish or bus.subscribe for topics`);
  guard(prototype, LEAVING, isTopic, 'the name of an event, and not a topic; call stop() of the subscription');
  Object.defineProperty(prototype, EventEmitter.captureRejectionSymbol, { configurable: true, value: warnOfRejection });
}

function guard(
  prototype: EventEmitter,
  methods: readonly (typeof LISTENING | typeof LEAVING)[number][],
  isRefused: (name: string) => boolean,
  expected: string,
): void {
  for (const method of methods) {
    const original = EventEmitter.prototype[method] as (...args: unknown[]) => unknown;
    Object.defineProperty(prototype, method, {
      configurable: true,
      writable: true,
      value(this: EventEmitter, ...args: unknown[]) {
        const [name] = args;
        if (typeof name === 'string' && isRefused(name)) {
          throw new InvalidOptionError(`the first argument of ${method}`, name, expected);
        }
        return original.apply(this, args);
      },
    });
  }
}
