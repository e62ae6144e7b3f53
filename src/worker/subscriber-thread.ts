/** The thread's side of a module subscription: attaches to the ring, and reads until told to stop. */
import type { MessagePort } from 'node:worker_threads';
import type { TypeRegistry } from '../envelope/type-registry.js';
import { takeMessages } from '../host/ports.js';
import { FILTER_VERSION, slotOf } from '../ring/control-descriptor.js';
import { NameDirectory } from '../ring/name-registry.js';
import { storeCounts } from '../ring/reader-counters.js';
import { attachRing, type RingMemory } from '../ring/ring-memory.js';
import { RingReader } from '../ring/ring-reader.js';
import { compileFilter } from '../topic/filter.js';
import { DedicatedLoop } from './dedicated-loop.js';
import { Dispatcher } from './dispatch/dispatcher.js';
import { type LagRange, scannedFor } from './dispatch/lag.js';
import { Router } from './dispatch/router.js';
import type { ReportFailure, Target } from './dispatch/target.js';
import { FieldReader } from './field-reader.js';
import type { ModuleBus } from './module-bus.js';
import { targetOf } from './module-target.js';
import { Pump } from './pump.js';
import { FILTERS_DUE, FILTERS_HEARD, READY, signalCells, WAKES_HEARD } from './signals.js';
import type { ModuleContext, Subscriber } from './subscriber-module.js';
import { sendToBus, ThreadReports } from './thread-reports.js';
import { TypeDirectory } from './type-directory.js';
import { type Attachment, type CrossedError, crossError, type ToThread, WAKE_MESSAGE } from './worker-protocol.js';

/** Between two looks whether the bus has sent what it kept back. */
const PAUSE_MS = 2;

/** One subscriber of a thread of its own, set up and ready to read. */
export class SubscriberThread {
  readonly #port: MessagePort;
  readonly #module: Subscriber;
  readonly #context: ModuleContext;
  readonly #bus: ModuleBus;
  readonly #abort: AbortController;
  /** Waits for what the module printed. */
  readonly #printed: () => Promise<void>;
  readonly #signals: Int32Array;
  readonly #reports: ThreadReports;
  readonly #memory: RingMemory;
  readonly #reader: RingReader;
  readonly #target: Target;
  readonly #router: Router;
  readonly #dispatcher: Dispatcher;
  readonly #loop: Pump | DedicatedLoop;
  #isStopping = false;
  #ended = false;
  /** FILTER_VERSION when the port was last read for it. */
  #version: number | undefined;

  constructor(
    attachment: Attachment,
    types: TypeRegistry,
    module: Subscriber,
    context: ModuleContext,
    bus: ModuleBus,
    abort: AbortController,
    printed: () => Promise<void>,
  ) {
    this.#port = attachment.port;
    this.#module = module;
    this.#context = context;
    this.#bus = bus;
    bus.isBusy = () => this.#target.busy;
    this.#abort = abort;
    this.#printed = printed;
    this.#signals = signalCells(attachment.signals);
    this.#reports = new ThreadReports(attachment.port, attachment.signals);
    this.#memory = attachRing(attachment.ring);
    const { life } = attachment;
    this.#reader = new RingReader(this.#memory, attachment.reader, life.position, () => this.#reports.tellRoom());
    this.#reader.overtaken = life.missed;
    const topics = new NameDirectory(attachment.topicNames);
    const { typeNames, originNames } = attachment;
    const directory = new TypeDirectory(types, new NameDirectory(typeNames), new NameDirectory(originNames));
    const report: ReportFailure = (error, topic, sequence) => this.#reports.tellFailure(error, topic, sequence);
    this.#target = targetOf(module, context, bus, attachment.joinSequence, report, directory, topics);
    for (const range of attachment.earlier) this.#target.passBy(range);
    this.#target.exceptOrigins = attachment.exceptOrigins;
    this.#target.delivered = life.counts.delivered;
    this.#target.failed = life.counts.failed;
    this.#target.lagged = life.counts.lagged;
    this.#target.untold = life.untold;
    this.#target.onLagged = (range) => this.#tellLagged(range);
    this.#router = new Router(topics, new FieldReader(types));
    this.#router.set(this.#target, compileFilter(attachment.filter));
    this.#dispatcher = new Dispatcher(this.#reader, this.#router, directory, life.nextSequence, {
      onSettled: () => this.#loop.settled(),
      onTaken: () => this.#heedChanges(),
      // With each release, so that what a crash loses of the counts is what comes again.
      onRelease: () => this.#tellCounts(),
    });
    this.#dispatcher.delivery.rescued = life.counts.rescued;
    if (life.redelivery !== undefined) this.#dispatcher.redeliver(life.redelivery);
    const onTurn = (): void => this.#afterTurn();
    this.#loop =
      attachment.loop === 'dedicated'
        ? new DedicatedLoop(this.#reader, this.#dispatcher, {
            onTurn,
            heedChanges: () => this.#heedChanges(),
            readPort: () => this.#readPort(),
            isQueued: () => this.#bus.connection?.isQueued === true,
          })
        : new Pump(this.#reader, this.#dispatcher, onTurn);
  }

  /** @param early what the bus said while the module was set up */
  start(early: readonly ToThread[]): void {
    for (const message of early) this.#receive(message);
    this.#port.on('message', (message: ToThread) => this.#receive(message));
    process.on('exit', () => this.#leave());
    // Before the message: the bus may be blocked.
    Atomics.store(this.#signals, READY, 1);
    sendToBus(this.#port, { kind: 'ready' });
    this.#loop.start();
  }

  #receive(message: ToThread): void {
    if (message === WAKE_MESSAGE) {
      Atomics.add(this.#signals, WAKES_HEARD, 1);
      this.#loop.notified();
    } else if (message.kind === 'stop') {
      const target = this.#target;
      target.endSequence = Math.min(target.endSequence, message.endSequence);
      const passed = Math.max(target.endSequence, this.#dispatcher.nextSequence);
      target.countedUntil = Math.min(target.countedUntil, passed);
      this.#isStopping = true;
      this.#abort.abort();
      // Whether that was all is seen after the next turn: this one may be in the middle of a batch.
      this.#loop.nudge();
    } else if (message.kind === 'earlier') {
      this.#target.passBy(message.range);
    } else if (message.kind === 'filters') {
      Atomics.add(this.#signals, FILTERS_HEARD, 1);
      for (const { fromSequence, filter } of message.changes) {
        this.#router.change(this.#target, fromSequence, compileFilter(filter));
      }
      // Nothing may come for it for long: the change is to be made, not kept with all that follow it.
      this.#loop.nudge();
    }
  }

  /** A change, such as a stop, counts for every record written after it: its message is read before they are routed. */
  #heedChanges(): void {
    const version = this.#memory.cells.load(slotOf(this.#reader.reader) + FILTER_VERSION);
    if (version === this.#version) return;
    this.#version = version;
    this.#readPort();
    // The bus was loaded with so many changes that it keeps the last ones back until it is told how they are getting on.
    while (Atomics.load(this.#signals, FILTERS_DUE) > Atomics.load(this.#signals, FILTERS_HEARD)) {
      this.#pause();
      this.#readPort();
    }
  }

  /** Waits for the bus, for a moment. */
  #pause(): void {
    try {
      Atomics.wait(this.#signals, FILTERS_HEARD, Atomics.load(this.#signals, FILTERS_HEARD), PAUSE_MS);
    } catch {
      // A host that lets no thread block: it looks without a pause.
    }
  }

  /** Takes messages while the loop is blocked and no event can bring them. */
  #readPort(): void {
    this.#reports.catchUp();
    this.#bus.connection?.hear();
    takeMessages(this.#port, (message: ToThread) => this.#receive(message));
  }

  #afterTurn(): void {
    const { endSequence, busy } = this.#target;
    const passed = this.#isStopping && this.#dispatcher.hasPassed(endSequence);
    this.#tellCounts();
    this.#reports.catchUp();
    if (!passed || busy || this.#ended) return;
    this.#ended = true;
    this.#loop.stop();
    void this.#tearDown();
  }

  #tellLagged(range: LagRange): void {
    // Before the message: what the bus has been told of is never more than what is counted.
    this.#tellCounts();
    const { delivered, failed } = this.#target;
    this.#reports.tellGaps({ range, handledBefore: delivered + failed, since: range.count });
  }

  #tellCounts(): void {
    const { delivered, failed, lagged } = this.#target;
    const { nextSequence, rescued } = this.#dispatcher.delivery;
    const scanned = scannedFor(this.#target, nextSequence);
    storeCounts(this.#memory.cells, this.#reader.reader, { scanned, delivered, failed, lagged, rescued });
  }

  /** The thread ends by itself: `process.exit`, or an error that nobody caught. */
  #leave(): void {
    if (this.#ended) return;
    this.#dispatcher.releaseLast();
    this.#reports.sendFailures();
  }

  async #tearDown(): Promise<void> {
    let error: CrossedError | undefined;
    this.#bus.passed();
    try {
      await this.#module.teardown?.(this.#context);
    } catch (thrown) {
      error = crossError(thrown);
    }
    await this.#bus.close();
    await this.#printed();
    this.#reports.sendAll();
    sendToBus(this.#port, { kind: 'stopped', error });
    this.#port.close();
  }
}
