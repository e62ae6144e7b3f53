/**
 * Runs the shipped ring under a scheduler that decides before each shared access which thread goes on.
 *
 * The threads are plain functions on one thread. To take the turn away from one, its next access throws, which unwinds it;
 * to go on, it is run again from its start, and its accesses up to where it was get their old results from a log instead of
 * the memory. What a thread does follows from those results alone, so it arrives where it was. (Real threads that wait for
 * their turn need two switches of the system an access; this needs two calls.)
 */
import type { Cells } from '../../src/memory/cells.js';
import { CONTROL_BYTES } from '../../src/ring/control-descriptor.js';
import { UNIT_WORDS } from '../../src/ring/record-descriptor.js';
import { initializeControl, type RingMemory } from '../../src/ring/ring-memory.js';

/** The code of one thread. It may keep nothing outside itself, for it runs more than once. */
export type Program = (memory: RingMemory, mail: Mail) => void;

/** What threads send each other: never changed after that. */
export type Message = number | object;

/** Messages between threads; they arrive in order. */
export interface Mail {
  send(thread: number, message: Message): void;
  /** Waits for a message. */
  receive(): Message;
  /** The next message, or undefined. */
  poll(): Message | undefined;
  /** Waits until a thread has been killed; its `exit`. */
  awaitKill(thread: number): void;
}

/** Chooses who takes the next step. `current` may not be enabled any more. */
export type Choose = (current: number, enabled: readonly number[]) => number;

export interface Kill {
  readonly thread: number;
  /** It takes that many steps and no more. */
  readonly afterSteps: number;
}

export interface Scene {
  readonly capacityBytes: number;
  readonly startPosition: number;
  /** Bytes that a copy takes in one step. */
  readonly copyBytes: number;
  readonly programs: readonly Program[];
  /** How many waits may end before their time. */
  readonly earlyReturns?: number;
  readonly kill?: Kill;
  /** Cells whose stores need no turn of their own, for no other thread of the scene loads them. */
  readonly isPrivate?: (index: number) => boolean;
  /** A fault in the cells of a thread. */
  readonly fault?: (thread: number) => (cells: Cells) => Cells;
}

export interface Outcome {
  /** Steps taken by each thread. */
  readonly steps: readonly number[];
  /** Threads that neither ended nor can go on. */
  readonly stuck: readonly number[];
}

const SUSPENDED = Symbol('suspended');
/** What a blocked thread waits for: a cell, or one of these. */
const MAIL = -1;
const KILL = -2;

interface Thread {
  readonly id: number;
  readonly log: unknown[];
  readonly mail: Message[];
  /** Accesses of the log that the present run has used. */
  used: number;
  blockedOn: number | undefined;
  /** While its run is unwound: what `finally` blocks do is none of its steps. */
  unwinding: boolean;
  done: boolean;
  killed: boolean;
}

export class Interleaving {
  readonly #scene: Scene;
  readonly #choose: Choose;
  readonly #cells = new Int32Array(CONTROL_BYTES / 4);
  readonly #words: Int32Array;
  readonly #threads: Thread[];
  #earlyReturns: number;
  /** The thread that was chosen for the next step and has not taken it yet. */
  #chosen = -1;

  constructor(scene: Scene, choose: Choose) {
    this.#scene = scene;
    this.#choose = choose;
    this.#words = new Int32Array(scene.capacityBytes / 4);
    this.#earlyReturns = scene.earlyReturns ?? 0;
    initializeControl(rawCells(this.#cells), scene.capacityBytes, scene.startPosition);
    this.#threads = scene.programs.map((_, id) => {
      return { id, log: [], mail: [], used: 0, blockedOn: undefined, unwinding: false, done: false, killed: false };
    });
  }

  /** Runs until nobody can go on. Throws what a program throws. */
  run(): Outcome {
    let current = 0;
    for (let enabled = this.#enabled(); enabled.length > 0; enabled = this.#enabled()) {
      if (this.#chosen < 0) this.#chosen = this.#choose(current, enabled);
      current = this.#chosen;
      this.#resume(this.#threads[current]!);
    }
    return {
      steps: this.#threads.map((thread) => thread.log.length),
      stuck: this.#threads.filter((thread) => isStuck(thread)).map((thread) => thread.id),
    };
  }

  #enabled(): number[] {
    const enabled: number[] = [];
    for (const { id, done, killed, blockedOn } of this.#threads) {
      const early = blockedOn !== undefined && blockedOn >= 0 && this.#earlyReturns > 0;
      if (!done && !killed && (blockedOn === undefined || early)) enabled.push(id);
    }
    return enabled;
  }

  #resume(thread: Thread): void {
    if (thread.blockedOn !== undefined) {
      // Its wait ends early; that is its step.
      this.#earlyReturns--;
      this.#chosen = -1;
      this.#unblock(thread);
      return;
    }
    thread.used = 0;
    thread.unwinding = false;
    try {
      this.#scene.programs[thread.id]!(this.#memoryOf(thread), this.#mailOf(thread));
      thread.done = true;
      if (this.#chosen === thread.id) this.#chosen = -1;
    } catch (thrown) {
      if (thrown !== SUSPENDED) throw thrown;
    }
  }

  /** One access: its result of old, or a step that is taken when it is this thread's turn. */
  #step<T>(thread: Thread, access: () => T): T {
    if (thread.unwinding) throw SUSPENDED;
    if (thread.used < thread.log.length) return thread.log[thread.used++] as T;
    if (this.#chosen < 0) this.#chosen = this.#choose(thread.id, this.#enabled());
    if (this.#chosen !== thread.id) this.#suspend(thread);
    this.#chosen = -1;
    const { kill } = this.#scene;
    if (kill?.thread === thread.id && thread.log.length === kill.afterSteps) {
      thread.killed = true;
      for (const other of this.#threads) if (other.blockedOn === KILL) this.#unblock(other);
      this.#suspend(thread);
    }
    const result = access();
    thread.log.push(result);
    thread.used++;
    return result;
  }

  /** A data access that needs no turn of its own. */
  #follow<T>(thread: Thread, access: () => T): T {
    if (thread.unwinding) throw SUSPENDED;
    if (thread.used < thread.log.length) return thread.log[thread.used++] as T;
    const result = access();
    thread.log.push(result);
    thread.used++;
    return result;
  }

  #block(thread: Thread, on: number): never {
    thread.blockedOn = on;
    this.#suspend(thread);
  }

  #suspend(thread: Thread): never {
    thread.unwinding = true;
    throw SUSPENDED;
  }

  #unblock(thread: Thread): void {
    // The result of the wait.
    if (thread.blockedOn !== MAIL) thread.log.push(undefined);
    thread.blockedOn = undefined;
  }

  #memoryOf(thread: Thread): RingMemory {
    const { capacityBytes, copyBytes, isPrivate, fault } = this.#scene;
    const shared = this.#words;
    const raw = rawCells(this.#cells);
    const step = <T>(access: () => T): T => this.#step(thread, access);
    const cells: Cells = {
      load: (index) => step(() => raw.load(index)),
      store: (index, value) => {
        if (isPrivate?.(index)) this.#follow(thread, () => raw.store(index, value));
        else step(() => raw.store(index, value));
      },
      compareExchange: (index, expected, value) => step(() => raw.compareExchange(index, expected, value)),
      add: (index, value) => step(() => raw.add(index, value)),
      and: (index, value) => step(() => raw.and(index, value)),
      or: (index, value) => step(() => raw.or(index, value)),
      wait: (index, value) =>
        step(() => {
          if (raw.load(index) === value) this.#block(thread, index);
        }),
      notify: (index) =>
        step(() => {
          for (const other of this.#threads) if (other.blockedOn === index) this.#unblock(other);
        }),
    };
    const words = new Proxy(shared, {
      get: (target, key) => this.#follow(thread, () => target[Number(key)]),
      set: (target, key, value) => {
        const write = (): void => {
          target[Number(key)] = value;
        };
        if (Number(key) % UNIT_WORDS === 0) step(write);
        else this.#follow(thread, write);
        return true;
      },
    });
    return {
      cells: fault === undefined ? cells : fault(thread.id)(cells),
      capacityBytes,
      bytes: Buffer.alloc(0),
      words,
      copyTo: (target, start, offset, length) => {
        const copied = new Int32Array(target.buffer, target.byteOffset + start, length >> 2);
        for (let at = 0; at < length; at += copyBytes) {
          const end = Math.min(at + copyBytes, length);
          copied.set(
            step(() => shared.slice((offset + at) >> 2, (offset + end) >> 2)),
            at >> 2,
          );
        }
      },
    };
  }

  #mailOf(thread: Thread): Mail {
    return {
      send: (to, message) =>
        this.#step(thread, () => {
          const receiver = this.#threads[to]!;
          receiver.mail.push(message);
          if (receiver.blockedOn === MAIL) this.#unblock(receiver);
        }),
      receive: () => this.#step(thread, () => thread.mail.shift() ?? this.#block(thread, MAIL)),
      poll: () => this.#step(thread, () => thread.mail.shift()),
      awaitKill: (other) =>
        this.#step(thread, () => {
          if (!this.#threads[other]!.killed) this.#block(thread, KILL);
        }),
    };
  }
}

function isStuck({ done, killed, blockedOn }: Thread): boolean {
  // Who waits for a kill that does not come has nothing to do.
  return !done && !killed && blockedOn !== KILL;
}

/** Plain memory under the interface: the scheduler runs one access at a time. */
function rawCells(words: Int32Array): Cells {
  function modify(index: number, value: number): number {
    const before = words[index]!;
    words[index] = value;
    return before;
  }
  return {
    load: (index) => words[index]!,
    store: (index, value) => void modify(index, value),
    compareExchange: (index, expected, value) => modify(index, words[index] === expected ? value : words[index]!),
    add: (index, value) => modify(index, words[index]! + value),
    and: (index, value) => modify(index, words[index]! & value),
    or: (index, value) => modify(index, words[index]! | value),
    wait: () => {},
    notify: () => {},
  };
}
