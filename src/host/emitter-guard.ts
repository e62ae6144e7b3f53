/** Says so where an EventEmitter of this package is used as if topics were its events: nothing would ever come of it. */
import { EventEmitter } from 'node:events';
import { InvalidOptionError } from '../errors.js';

const METHODS = ['emit', 'on', 'once', 'addListener', 'prependListener', 'prependOnceListener'] as const;

/** Makes the instances of a class refuse topics and globs as names of events. */
export function refuseTopics(prototype: EventEmitter): void {
  for (const method of METHODS) {
    const original = EventEmitter.prototype[method] as (name: unknown, ...rest: unknown[]) => unknown;
    Object.defineProperty(prototype, method, {
      configurable: true,
      writable: true,
      value(this: EventEmitter, name: unknown, ...rest: unknown[]) {
        if (typeof name === 'string' && /^(\/|\*\*)/.test(name)) {
          const expected =
            "the name of an event such as 'error', and not a topic; call bus.publish or bus.subscribe for topics";
          throw new InvalidOptionError(`the first argument of ${method}`, name, expected);
        }
        return original.call(this, name, ...rest);
      },
    });
  }
}
