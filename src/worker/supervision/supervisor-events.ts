/** What a supervisor tells its owner. */
import type { LifeEvents } from './thread-life.js';

/** None may throw. */
export interface SupervisorEvents
  extends Pick<LifeEvents, 'onHandlerFailure' | 'onLagged' | 'onRoom' | 'onConnection'> {
  /** The module is set up and reads: in the first thread, or in one that was started again. */
  onReady(): void;
  /** The thread ended by itself and will be started again after `delayMs`. */
  onRestart(error: Error, delayMs: number): void;
  /**
   * An event is skipped, because it has killed the thread `deaths` times.
   *
   * @returns sequences that the subscription must not get: of the event, and of what was published about it
   */
  onDeadLetter(sequence: number, deaths: number, error: Error): readonly number[];
  /** The subscription is over: as asked, or because of `error`. The thread has exited. Called once. */
  onEnd(error: Error | undefined): void;
}
