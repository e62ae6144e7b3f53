/** A bus for tests: it records what is published, says when everything has been dealt with, and asserts. */
import { AssertionError } from 'node:assert';
import { BUS_OPTIONS } from '../bus/bus-options.js';
import { reportError } from '../host/report.js';
import { monotonicMs } from '../host/timing.js';
import {
  type AnyTopics,
  Bus,
  type BusOptions,
  type CloseResult,
  type Envelope,
  type SubscriberModule,
  type Subscription,
} from '../index.js';
import { readOptions, timeoutOption } from '../option-check.js';
import { errorOf } from '../shown.js';
import { compileFilter } from '../topic/filter.js';
import { checkTopic } from '../topic/topic.js';
import { type Expected, listOf, matches, show } from './expectation.js';
import { type InThreadOptions, setUpInThread } from './in-thread-module.js';
import { settle } from './settling.js';

const DEFAULT_SETTLE_TIMEOUT_MS = 5_000;
const DEFAULT_CAPACITY_BYTES = 256 * 1024;

export class TestBus<Topics extends object = AnyTopics> extends Bus<Topics> {
  readonly #published: Envelope[] = [];
  readonly #tornDown: Promise<void>[] = [];

  /** @internal */
  constructor(options: BusOptions) {
    super({ capacityBytes: DEFAULT_CAPACITY_BYTES, ...readOptions('options', options, BUS_OPTIONS) });
    // One that nobody's topics are checked for.
    const untyped = this as unknown as Bus;
    untyped.subscribe('**', (envelope) => void this.#published.push(envelope), { name: 'recorder', isolate: true });
  }

  /**
   * Everything that was published so far, in order. Complete after {@link settled}: recording is a subscription like others.
   */
  get published(): readonly Envelope[] {
    return this.#published;
  }

  /**
   * Resolves when every subscription has dealt with all that was published, in threads too, and with what handlers
   * published meanwhile.
   *
   * @param options `timeoutMs`: default 5,000
   * @throws {Error} which names who is behind, when it takes longer
   * @throws {InvalidOptionError} `BUS_INVALID_OPTION`
   */
  async settled(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    const { timeoutMs } = readOptions('options', options, ['timeoutMs']);
    await settle(this, timeoutOption('timeoutMs', timeoutMs, DEFAULT_SETTLE_TIMEOUT_MS, 0), monotonicMs);
  }

  /**
   * Settles, then asserts that an event was published on `topic`.
   *
   * @param expected properties that the event must have, or a function that returns whether it is the one
   * @returns the first envelope that is as expected
   * @throws {AssertionError} which lists what was published instead
   * @throws {InvalidTopicError} `BUS_INVALID_TOPIC` for what is no topic, such as a glob
   */
  async assertPublished(topic: string, expected: Expected = () => true): Promise<Envelope> {
    checkTopic(topic);
    await this.settled();
    const found = this.#find(topic, expected);
    if (found !== undefined) return found;
    const wanted = typeof expected === 'function' ? topic : `${topic} ${show(expected)}`;
    throw new AssertionError({
      message: `Expected ${wanted} to be published. ${listOf(this.#published)}`,
      actual: this.#published.filter((envelope) => envelope.topic === topic).map(({ event }) => event),
      expected,
      operator: 'assertPublished',
      stackStartFn: this.assertPublished,
    });
  }

  /**
   * Settles, then asserts that no such event was published.
   *
   * @throws {AssertionError} which lists what was published
   * @throws {InvalidTopicError} `BUS_INVALID_TOPIC` for what is no topic, such as a glob
   */
  async assertNotPublished(topic: string, expected: Expected = () => true): Promise<void> {
    // A glob would select nothing here, and nothing of it would ever be found.
    checkTopic(topic);
    await this.settled();
    const found = this.#find(topic, expected);
    if (found === undefined) return;
    throw new AssertionError({
      message: `Expected nothing of the kind on ${topic}, but ${show(found.event)} was published. ${listOf(this.#published)}`,
      actual: found.event,
      operator: 'assertNotPublished',
      stackStartFn: this.assertNotPublished,
    });
  }

  #find(topic: string, expected: unknown): Envelope | undefined {
    return this.#published.find((envelope) => envelope.topic === topic && matches(envelope.event, expected));
  }

  /** As that of any bus; modules on this thread have been torn down when it resolves. */
  override async close(options?: { readonly drainTimeoutMs?: number }): Promise<CloseResult> {
    const result = await super.close(options);
    await Promise.all(this.#tornDown);
    return result;
  }

  /** Forgets what was published so far. */
  clearPublished(): void {
    this.#published.length = 0;
  }

  /**
   * Subscribes a module that runs on this thread: set up now, handed each event alone, torn down when the subscription ends
   * or the bus closes. A thread's isolation, restarts and resource limits it does not have.
   *
   * @param module its URL, or what it exports as default
   * @returns the subscription; errors of the module's teardown are `error` events of the bus
   */
  async subscribeInThread(
    filter: string | readonly string[],
    // What a URL does not have: so TypeScript knows, of a module written in the call, what its functions are given.
    module: (URL & { readonly views?: undefined }) | SubscriberModule,
    options: InThreadOptions = {},
  ): Promise<Subscription> {
    const untyped = this as unknown as Bus;
    // As a thread would: a filter that is none is refused before the module hears of anything.
    compileFilter(filter);
    const inThread = await setUpInThread(untyped, module, options);
    let subscription: Subscription;
    try {
      subscription = untyped.subscribe(filter, (envelope) => inThread.handle(envelope), {
        name: inThread.name,
        isolate: true,
      });
    } catch (error) {
      await inThread.end();
      throw error;
    }
    const end = async (): Promise<void> => {
      await subscription.ended;
      await inThread.end().catch((error: unknown) => reportError(errorOf(error), this));
    };
    this.#tornDown.push(end());
    return subscription;
  }
}

/**
 * Creates a bus for a test. Its ring has 256 KiB; options are those of `createBus`.
 *
 * @example
 * const bus = createTestBus();
 * startService(bus);
 * bus.publish('/orders/placed', { id: 1 });
 * await bus.assertPublished('/orders/billed', { id: 1 });
 * await bus.close();
 */
export function createTestBus<Topics extends object = AnyTopics>(options: BusOptions = {}): TestBus<Topics> {
  return new TestBus<Topics>(options);
}
