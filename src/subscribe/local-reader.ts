/** A reader on the thread of the bus: one cursor, the handlers that share it, and what drives them. */
import type { ReceivedEnvelope } from '../envelope/received-envelope.js';
import { queueMicrotask, setImmediate } from '../host/timing.js';
import { outsideHandlers } from '../publish/handling.js';
import { nameOfReader } from '../publish/readers.js';
import type { NameDirectory } from '../ring/name-registry.js';
import type { RingMemory } from '../ring/ring-memory.js';
import { RingReader } from '../ring/ring-reader.js';
import type { FieldResolver } from '../topic/condition.js';
import type { CompiledFilter } from '../topic/filter.js';
import { Dispatcher } from '../worker/dispatch/dispatcher.js';
import type { LagRange } from '../worker/dispatch/lag.js';
import { Router } from '../worker/dispatch/router.js';
import type { Target } from '../worker/dispatch/target.js';
import { Pump } from '../worker/pump.js';
import type { TypeDirectory } from '../worker/type-directory.js';

/** What the readers of one thread have in common. */
export interface ReadingContext {
  readonly memory: RingMemory;
  readonly topicNames: NameDirectory;
  readonly types: TypeDirectory;
  readonly fields: FieldResolver<ReceivedEnvelope>;
}

/** Where a reader begins. */
export interface LocalStart {
  /** Wide position of the cursor. */
  readonly position: number;
  /** Sequence of the first record there; of the first that is gone already, where some are. */
  readonly sequence: number;
  /** Whether records from that sequence on are gone already. */
  readonly missed: boolean;
}

/** What a reader tells the owner of one of its targets. None may throw. */
export interface LocalReaderEvents {
  /** Of the subscription, for messages. */
  readonly name: string;
  /** Records that were accepted after the target joined were overwritten before the reader got to them. */
  onLagged(range: LagRange): void;
  /** The reader is lossy from now on. */
  onEvicted(error: Error): void;
  /** One of the reader's handlers wrote over records. */
  onOverwritten(error: Error): void;
}

/** What a reader needs of whoever has its slot. None may throw. */
export interface LocalReaderHost {
  /** The room that the parked writer waits for is there. */
  onRoom(): void;
  /** The last handler is gone: no other may join. */
  onUnused(): void;
  /** Nothing touches the slot any more. */
  onRetired(): void;
  /** Whether it reads on although it has no handlers: one is on its way. Default: never. */
  isKept?(): boolean;
  /** Records were taken, after a look at the tail, and none of them is routed yet: what changes their way is heard now. */
  onTaken?(): void;
}

export class LocalReader {
  readonly reader: number;
  readonly ring: RingMemory;
  readonly #ringReader: RingReader;
  readonly #router: Router;
  readonly #dispatcher: Dispatcher;
  readonly #pump: Pump;
  readonly #targets = new Map<Target, LocalReaderEvents>();
  readonly #draining = new Map<Target, () => void>();
  readonly #host: LocalReaderHost;
  #ended = false;

  /**
   * @param start where the slot's cursor is
   */
  constructor(reader: number, context: ReadingContext, start: LocalStart, host: LocalReaderHost) {
    this.reader = reader;
    this.ring = context.memory;
    this.#host = host;
    this.#ringReader = new RingReader(context.memory, reader, start.position, () => host.onRoom());
    this.#ringReader.overtaken = start.missed;
    this.#router = new Router(context.topicNames, context.fields);
    const { sequence } = start;
    this.#dispatcher = new Dispatcher(this.#ringReader, this.#router, context.types, sequence, {
      onSettled: () => this.#pump.settled(),
      ...(host.onTaken && { onTaken: () => host.onTaken!() }),
      onOverwritten: (error) => {
        for (const { onOverwritten } of [...this.#targets.values()]) onOverwritten(error);
      },
    });
    this.#pump = new Pump(this.#ringReader, this.#dispatcher, () => this.#afterTurn());
    outsideHandlers(() => this.#pump.start());
  }

  add(filter: CompiledFilter, target: Target, events: LocalReaderEvents): void {
    this.#targets.set(target, events);
    target.onLagged = events.onLagged;
    this.#router.set(target, filter);
  }

  /** Lets `filter` decide what the target gets of the records from `fromSequence` on. */
  changeFilter(target: Target, fromSequence: number, filter: CompiledFilter, goneBefore: number): void {
    this.#router.change(target, fromSequence, filter, this.#dispatcher.isBatchOpen ? 0 : goneBefore);
    // Nothing may come for it for long: the change is to be made, not kept with all that follow it.
    this.#pump.nudge();
  }

  /** Takes a target out; what it has in hand it keeps. */
  remove(target: Target): void {
    target.active = false;
    target.countedUntil = Math.min(target.countedUntil, this.nextSequence);
    this.#router.remove(target);
    this.#draining.delete(target);
    outsideHandlers(() => this.#dispatcher.drop(target));
    this.#targets.delete(target);
    this.endUnused();
  }

  /** Ends, unless somebody uses it. */
  endUnused(): void {
    if (this.#ended || this.#targets.size > 0 || this.#host.isKept?.() === true) return;
    this.#ended = true;
    this.#host.onUnused();
    // Not in the middle of a batch, where the caller is one of our handlers.
    if (this.#dispatcher.stepping) queueMicrotask(() => this.#retire());
    else this.#retire();
  }

  /** Calls `done` when every record with a sequence below the target's end has been handed to it and has settled. */
  drain(target: Target, done: () => void): void {
    this.#draining.set(target, done);
    target.countedUntil = target.endSequence;
    // It may settle while the reader waits for another one.
    target.onIdle = () => this.#finishDrained();
    outsideHandlers(() => {
      this.#pump.nudge();
      setImmediate(() => this.#finishDrained());
    });
  }

  /** The writer has woken the reader. */
  wake(): void {
    outsideHandlers(() => this.#pump.notified());
  }

  /** How messages call the reader: by the subscriptions that have an event in hand, or by all that share it. */
  describe(): string {
    const all = [...this.#targets];
    const busy = all.filter(([target]) => target.busy);
    return nameOfReader(...(busy.length > 0 ? busy : all).map(([, { name }]) => name));
  }

  tellEvicted(error: Error): void {
    // A copy: whoever hears of it may take targets out.
    for (const { onEvicted } of [...this.#targets.values()]) onEvicted(error);
  }

  /** Reads on although `target` has something in hand, until the records before `sequence` have been handed out. */
  passBy(target: Target, sequence: number): void {
    outsideHandlers(() => this.#dispatcher.passBy(target, sequence));
  }

  /** Position of the next record to be handed out. What the reader sleeps through is not: the ring may have come round over it. */
  get position(): number {
    return this.#ringReader.movedTo ?? this.#dispatcher.position;
  }

  /** Sequence of that record, or a lower one. */
  get nextSequence(): number {
    return this.#dispatcher.nextSequence;
  }

  get rescued(): number {
    return this.#dispatcher.delivery.rescued;
  }

  #afterTurn(): void {
    if (this.#draining.size > 0) this.#finishDrained();
  }

  #finishDrained(): void {
    for (const [target, done] of this.#draining) {
      if (!this.#dispatcher.hasPassed(target.endSequence) || target.busy) continue;
      this.#draining.delete(target);
      done();
    }
  }

  #retire(): void {
    this.#pump.stop();
    this.#host.onRetired();
  }
}
