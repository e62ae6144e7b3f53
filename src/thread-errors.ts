/** Errors of handlers, of subscriber modules and of their threads. Part of `errors.ts`. */
import { BusError } from './bus-error.js';
import { show, showBriefly, showThrown } from './shown.js';

/** A handler that threw or rejected. Reported, counted, not redelivered; `cause` is what it threw. */
export class HandlerError extends BusError {
  readonly code = 'BUS_HANDLER_FAILED';
  constructor(
    readonly subscription: string,
    readonly topic: string,
    readonly sequence: number,
    cause: unknown,
    /** Failures in a thread before this one that were counted but not told, as the bus could not hear of them. */
    readonly leftOut = 0,
  ) {
    const others = leftOut === 0 ? '' : `; ${leftOut} failures before it were counted, and not reported one by one`;
    super(
      `the handler of subscription ${show(subscription)} failed on ${topic} (sequence ${sequence}), and does not get that ` +
        `event again: ${show(cause)}${others}`,
      { cause },
    );
  }
}

/** A subscriber module that cannot be loaded. Not retried, unless files were short; `cause` is the loader's error. */
export class ModuleLoadError extends BusError {
  readonly code = 'BUS_MODULE_LOAD';
  constructor(
    readonly url: string,
    cause: unknown,
    /** Whose module it is, where that is known. */
    readonly subscription?: string,
  ) {
    super(`${moduleOf(url, subscription)} does not load: ${showThrown(cause)}`, { cause });
  }
}

/** A subscriber module whose default export is neither a function nor an object with a handle function. Not retried. */
export class ModuleShapeError extends BusError {
  readonly code = 'BUS_MODULE_SHAPE';
  constructor(
    readonly url: string,
    readonly reason: string,
    /** Whose module it is, where that is known. */
    readonly subscription?: string,
  ) {
    super(`${moduleOf(url, subscription)}: ${reason}`);
  }
}

function moduleOf(url: string, subscription: string | undefined): string {
  return subscription === undefined
    ? `subscriber module ${show(url)}`
    : `module ${show(url)} of subscription ${show(subscription)}`;
}

/**
 * A thread that can never be started, here or in this way: `reason` says what to change. Thrown by `subscribe`, or reported
 * where it turns out later. Not retried.
 */
export class CannotStartThreadError extends BusError {
  readonly code = 'BUS_CANNOT_START_THREAD';
  constructor(
    readonly subscription: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`no thread can be started for subscription ${show(subscription)}: ${reason}`, options);
  }
}

/** The thread that hosts a bus could not be started, or has ended: `reason` and `cause` say why. The bus is gone with it. */
export class HostEndedError extends BusError {
  readonly code = 'BUS_HOST_ENDED';
  constructor(
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`the thread that hosts the bus has ended: ${reason}; host another one, and connect to that`, options);
  }
}

/**
 * A file of this package, or a package it depends on, that is not where this package runs: a bundler made its code part of
 * a bundle, which runs where nothing is installed.
 */
export class DependencyNotFoundError extends BusError {
  readonly code = 'BUS_DEPENDENCY_NOT_FOUND';
  constructor(
    readonly dependency: string,
    /** URL of the file that was running. */
    readonly from: string,
    cause: unknown,
  ) {
    super(
      `${dependency} cannot be loaded from ${from}: ${showBriefly(cause)}; if a bundler has put ringcast there, ` +
        "mark 'ringcast' as external, and install it where the bundle runs",
      { cause },
    );
  }
}

/** A subscriber thread that ended by itself: it threw outside a handler, exited, was terminated or ran out of memory. */
export class WorkerExitedError extends BusError {
  readonly code = 'BUS_WORKER_EXITED';
  constructor(
    readonly subscription: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`the thread of subscription ${show(subscription)} ended: ${reason}`, options);
  }
}

/** A thread that its host does not let block, as browsers and Electron do not on their main threads. */
export class CannotBlockError extends BusError {
  readonly code = 'BUS_CANNOT_BLOCK';
  constructor(cause: unknown) {
    super(
      `this thread may not block: Atomics.wait threw ${showThrown(cause)}; use publish and await bus.writable() in place of ` +
        `publishSync, and loop: 'cooperative' in place of 'dedicated'`,
      { cause },
    );
  }
}

/** A view of a module with `views` that is used when its turn is over. */
export class ViewExpiredError extends BusError {
  readonly code = 'BUS_VIEW_EXPIRED';
  constructor() {
    super(
      'a view was used after its turn; keep what you read of it, or view.detach(), which is an envelope of its own',
    );
  }
}
