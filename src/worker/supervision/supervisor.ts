/**
 * Keeps one subscriber module going in a thread: starts it, passes on what it says, and starts it again at its own cursor
 * when it ends by itself.
 *
 * *Lives.* The reader's slot belongs to the supervisor from the subscription until `onEnd`: only after the thread has
 * exited may anybody else touch it. The next life begins at what the last one had released: nothing is skipped, and what
 * was in hand comes again, one event at a time.
 */
import { CannotStartThreadError } from '../../errors.js';
import { whyNoThread } from '../../host/thread-start.js';
import { clearTimeout, monotonicMs, setImmediate, setTimeout } from '../../host/timing.js';
import type { FilterTimeline } from '../dispatch/filter-timeline.js';
import type { SequenceRange } from '../dispatch/lag.js';
import type { LifeStart, ToThread } from '../worker-protocol.js';
import { EndWatch } from './end-watch.js';
import { FatalEvent } from './fatal-event.js';
import { failureOf, givenUp, isOfShortage, neverLoaded, type SupervisedModule, startRefusal } from './life-errors.js';
import type { ReaderRecords } from './next-life.js';
import type { SupervisorEvents } from './supervisor-events.js';
import { type LifeEnd, type LifeEvents, ThreadLife } from './thread-life.js';
import type { ThreadRun } from './thread-run.js';

export class Supervisor {
  readonly #module: SupervisedModule;
  readonly #filters: FilterTimeline;
  readonly #run: ThreadRun;
  readonly #records: ReaderRecords;
  readonly #events: SupervisorEvents;
  /** Undefined between two lives, where a timer runs, and after the last. */
  #life: ThreadLife | undefined;
  #restartTimer: NodeJS.Timeout | undefined;
  readonly #endWatch: EndWatch;
  #stop: Extract<ToThread, { kind: 'stop' }> | undefined;
  #terminated = false;
  /** A thread has run code of ours: others can. */
  #hasLoaded = false;
  #isOver = false;
  /** The module was ready in this life or an earlier one. */
  #wasReady = false;
  readonly #fatal = new FatalEvent();

  /** @param filters what decides the records that the thread may still have to handle, in this life and those after it */
  constructor(
    module: SupervisedModule,
    filters: FilterTimeline,
    start: LifeStart,
    run: ThreadRun,
    records: ReaderRecords,
    events: SupervisorEvents,
  ) {
    this.#module = module;
    this.#run = run;
    this.#records = records;
    this.#events = events;
    this.#filters = filters;
    const watched = { isDone: () => this.#isDone(), life: () => this.#life };
    this.#endWatch = new EndWatch(module.name, watched, run.hosting.endLookMs, (error) => this.terminate(error));
    this.#live(start, true);
  }

  /** Tells a cooperative loop that its wake word is AWAKE. Costs the caller some microseconds. */
  wake(): void {
    this.#life?.wake();
  }

  /**
   * Somebody waits for what the reader holds, and may be blocking this thread: starts a thread that waits to be started
   * again, and one that died without this thread's event loop having heard of it.
   *
   * @returns whether it can read on although this thread is blocked
   */
  restartNow(): boolean {
    if (this.#restartTimer !== undefined) this.#restart();
    if (this.#life === undefined) return false;
    this.#life.catchUp();
    return !this.#life.isGone || this.#succeed(this.#life);
  }

  /** Starts the next life of a thread whose exit is still to be heard of: only then is told why it was started again. */
  #succeed(gone: ThreadLife): boolean {
    const diedByItself = gone.hearLast();
    // Whoever heard of it may have waited for the same room, and found the thread gone.
    if (this.#life !== gone) return this.#life !== undefined;
    if (!diedByItself || !this.#wasReady || this.#terminated || this.#isDone()) return false;
    // Reports are published by the event loop: their sequence has to be known.
    if (this.#fatal.isLastChance(this.#records.inHand())) return false;
    if (this.#run.policy.next(monotonicMs()) === undefined) return false;
    this.#blame(undefined);
    this.#restart();
    return true;
  }

  hear(): void {
    this.#life?.hear();
  }

  /** Whether the life that there is now has set its module up. */
  get isReading(): boolean {
    return this.#life?.isReady === true;
  }

  /** Whether the module was ready, and is not again since its thread was started anew. */
  get isComingBack(): boolean {
    return this.#wasReady && !this.isReading;
  }

  /** The last of the filters was changed. */
  filterChanged(): void {
    this.#life?.filterChanged();
  }

  /** Lets no life deliver records that were accepted before the subscription, and are not written yet. */
  passBy(range: SequenceRange): void {
    this.#module.earlier.push(range);
    this.#life?.send({ kind: 'earlier', range });
  }

  /**
   * Lets the thread deliver what has a sequence below `endSequence`, tear its module down and end.
   *
   * @param endSequence not above that of an earlier call
   * @returns false when that was asked before
   */
  stop(endSequence: number): boolean {
    if (this.#stop?.endSequence === endSequence) return false;
    this.#stop = { kind: 'stop', endSequence };
    this.#life?.send(this.#stop);
    if (!this.#terminated) this.#endWatch.start();
    if (this.#restartTimer !== undefined) {
      if (this.#isDone()) this.#conclude(undefined);
      else this.#restart();
    }
    return true;
  }

  /** Ends the thread at once, for good; `failure`: why, if that was not asked for. */
  terminate(failure?: Error): void {
    this.#terminated = true;
    this.#endWatch.stop();
    this.#life?.terminate(failure);
    if (this.#restartTimer !== undefined) this.#conclude(undefined);
  }

  /** @param isFirst whether the owner can be told by a throw that no thread can be made */
  #live(start: LifeStart, isFirst = false): void {
    const { name } = this.#module;
    const events: LifeEvents = {
      ...this.#events,
      onReady: () => {
        this.#events.onReady();
        this.#wasReady = true;
      },
      onEnd: (end) => {
        // Its successor has ended before it was heard of.
        if (this.#isOver) return;
        if (life === this.#life) this.#ended(end);
        else this.#events.onRestart(end.error!, 0);
        // The thread may have died between making room and saying so.
        this.#events.onRoom();
      },
    };
    // Not at once: the owner does not have us yet.
    const notNow = (act: () => void): void => void setImmediate(act);
    const why = whyNoThread();
    if (why !== undefined) {
      notNow(() => this.#conclude(new CannotStartThreadError(name, why)));
      return;
    }
    let life: ThreadLife | undefined;
    try {
      life = new ThreadLife(this.#module, this.#filters, start, this.#run, this.#records.heartbeat, events);
    } catch (cause) {
      // The one before it may still have to be heard of, and must not be taken for this one.
      this.#life = undefined;
      const refusal = startRefusal(this.#run.options, cause);
      if (isFirst && refusal !== undefined) throw refusal;
      const error = failureOf(name, 'no thread could be made for it', cause);
      notNow(() => (refusal === undefined ? this.#died(error) : this.#conclude(refusal)));
      return;
    }
    this.#life = life;
    if (this.#stop !== undefined) life.send(this.#stop);
  }

  #ended(end: LifeEnd): void {
    this.#life = undefined;
    const mayPass = isOfShortage(end.error);
    // What could not be used this time will not be usable the next; a setup that once succeeded may succeed again.
    const hopeless = end.kind === 'refused' && !mayPass && (end.step !== 'setup' || !this.#wasReady);
    if (end.kind === 'finished' || hopeless) {
      this.#conclude(end.error);
      return;
    }
    if (end.kind === 'died') this.#hasLoaded ||= end.isLoaded;
    if (!mayPass && !this.#hasLoaded && !this.#wasReady) {
      this.#conclude(neverLoaded(this.#module.name, end.error));
      return;
    }
    this.#died(end.error);
  }

  /** The thread ended by itself. */
  #died(error: Error): void {
    this.#blame(error);
    if (this.#terminated || this.#isDone()) {
      this.#conclude(error);
      return;
    }
    const delayMs = this.#run.policy.next(monotonicMs());
    if (delayMs === undefined) {
      this.#conclude(givenUp(this.#module, error, this.#run.policy.maxRestarts));
      return;
    }
    this.#restartTimer = setTimeout(() => this.#restart(), this.#stop === undefined ? delayMs : 0).unref();
    // After the timer: whoever hears of it may stop the thread, and then it is not started again.
    this.#events.onRestart(error, delayMs);
  }

  /** Whether the thread was told to stop and has nothing left to deliver. */
  #isDone(): boolean {
    return this.#stop !== undefined && this.#records.settledUntil() >= this.#stop.endSequence;
  }

  #restart(): void {
    clearTimeout(this.#restartTimer);
    this.#restartTimer = undefined;
    this.#live(this.#records.nextLife(this.#fatal.skipsFrom(this.#records.settledUntil())));
  }

  /** Counts the death against the event that was being handled again, if one was. */
  #blame(error: Error | undefined): void {
    const sequence = this.#records.inHand();
    if (sequence >= 0 && this.#fatal.count(sequence))
      this.#fatal.skip(this.#events.onDeadLetter(sequence, this.#fatal.deaths, error!));
  }

  #conclude(error: Error | undefined): void {
    this.#isOver = true;
    this.#endWatch.stop();
    clearTimeout(this.#restartTimer);
    this.#restartTimer = undefined;
    this.#events.onEnd(error);
  }
}
