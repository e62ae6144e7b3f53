/**
 * Every failure a caller can act on: one class each, with a stable `code` to match on and the offending values as fields.
 *
 * Not errors: a full ring in `tryPublish` (returns `false`) and lag (a value in the stream).
 */

import { BusError } from './bus-error.js';
import { show, showThrown } from './shown.js';

export * from './filter-errors.js';
export * from './thread-errors.js';
export { BusError };

/** A topic that breaks the grammar, on publish or forward. Fix the call. */
export class InvalidTopicError extends BusError {
  readonly code = 'BUS_INVALID_TOPIC';
  constructor(
    readonly topic: unknown,
    readonly reason: string,
  ) {
    super(`topic ${show(topic)}: ${reason}`);
  }
}

/** A namespace that is empty or breaks the identifier rule. Fix the call. */
export class InvalidNamespaceError extends BusError {
  readonly code = 'BUS_INVALID_NAMESPACE';
  constructor(
    readonly namespace: unknown,
    readonly reason: string,
  ) {
    super(`namespace ${show(namespace)}: ${reason}`);
  }
}

/** A traceparent that is not one of W3C Trace Context, version 00. Omit it, or mend where it comes from. */
export class InvalidTraceparentError extends BusError {
  readonly code = 'BUS_INVALID_TRACEPARENT';
  constructor(
    readonly traceparent: unknown,
    readonly reason: string,
  ) {
    super(`traceparent ${show(traceparent)}: ${reason}`);
  }
}

/** An origin that is no string, empty or too long. Fix the call. */
export class InvalidOriginError extends BusError {
  readonly code = 'BUS_INVALID_ORIGIN';
  constructor(
    readonly origin: unknown,
    readonly reason: string,
  ) {
    super(`origin ${show(origin)}: ${reason}`);
  }
}

/** One origin more than a bus keeps. Name where events come in, not what they are about. */
export class TooManyOriginsError extends BusError {
  readonly code = 'BUS_TOO_MANY_ORIGINS';
  constructor(
    readonly origin: string,
    readonly maxOrigins: number,
  ) {
    super(
      `origin ${show(origin)}: the bus knows ${maxOrigins} origins already, and keeps no more; name the bridge or the peer ` +
        `that events come from, and put what differs from event to event into the event`,
    );
  }
}

/** A type URL that is longer than 1,024 bytes: of an Any, of a forwarded envelope, or of a registered type. Fix it there. */
export class InvalidTypeUrlError extends BusError {
  readonly code = 'BUS_INVALID_TYPE_URL';
  constructor(
    readonly typeUrl: string,
    readonly reason: string,
  ) {
    super(`type URL ${show(typeUrl)}: ${reason}`);
  }
}

/** An option that does not exist; the message lists those that do. */
export class UnknownOptionError extends BusError {
  readonly code = 'BUS_UNKNOWN_OPTION';
  constructor(
    readonly option: string,
    readonly known: readonly string[],
  ) {
    super(`unknown option ${show(option)}; known options: ${known.join(', ')}`);
  }
}

/** An option or argument of the wrong type or out of range. */
export class InvalidOptionError extends BusError {
  readonly code = 'BUS_INVALID_OPTION';
  constructor(
    readonly option: string,
    readonly value: unknown,
    readonly expected: string,
    options?: ErrorOptions,
  ) {
    super(`${option} must be ${expected}, got ${show(value)}`, options);
  }
}

/** A ring capacity that is no power of two or out of range. */
export class InvalidCapacityError extends BusError {
  readonly code = 'BUS_INVALID_CAPACITY';
  constructor(
    readonly capacityBytes: unknown,
    readonly reason: string,
  ) {
    super(`capacityBytes ${show(capacityBytes)}: ${reason}`);
  }
}

/** The system has no shared memory left, for a ring or for the uplink of a connection; `cause` is the engine's error. */
export class OutOfMemoryError extends BusError {
  readonly code = 'BUS_OUT_OF_MEMORY';
  constructor(
    readonly bytes: number,
    options?: ErrorOptions,
  ) {
    super(`no ${bytes} bytes of shared memory are left; close other buses, or make capacityBytes smaller`, options);
  }
}

/** An event that cannot be encoded as its type; `cause` carries what the encoder or the user's getter threw. */
export class InvalidEventError extends BusError {
  readonly code = 'BUS_INVALID_EVENT';
  constructor(
    readonly reason: string,
    options?: ErrorOptions,
    /** What it was published on, where that is known. */
    readonly topic?: string,
  ) {
    super(`event${topic === undefined ? '' : ` on ${show(topic)}`}: ${reason}`, options);
  }

  /** What to throw when `action` on an event threw: an error of this package as it is, any other as the cause. @internal */
  static from(thrown: unknown, action: string): BusError {
    try {
      if (thrown instanceof BusError) return thrown;
    } catch {
      // A proxy that does not tell its prototype.
    }
    return new InvalidEventError(`${action} failed: ${showThrown(thrown)}`, { cause: thrown });
  }

  /** What encoding an event for `topic` threw; an error of this class says the topic, too. @internal */
  static on(topic: string, thrown: unknown): unknown {
    try {
      if (!(thrown instanceof InvalidEventError) || thrown.topic !== undefined) return thrown;
    } catch {
      return thrown;
    }
    const { reason, cause } = thrown;
    return new InvalidEventError(reason, cause === undefined ? undefined : { cause }, topic);
  }
}

/** A type that is not registered in this thread; name its module in `types`. */
export class UnknownTypeError extends BusError {
  readonly code = 'BUS_UNKNOWN_TYPE';
  constructor(readonly typeUrl: string) {
    super(`type ${show(typeUrl)} is not registered; name the module that exports it in the bus option "types"`);
  }
}

/** Two different types under one type URL. */
export class DuplicateTypeError extends BusError {
  readonly code = 'BUS_DUPLICATE_TYPE';
  constructor(readonly typeUrl: string) {
    super(
      `type ${show(typeUrl)} is already registered with another codec; give one of the two another name, or load its module once`,
    );
  }
}

/** A module named in `types` that does not load or exports no event type. `cause` carries the loader's error. */
export class TypesModuleError extends BusError {
  readonly code = 'BUS_TYPES_MODULE';
  constructor(
    readonly url: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`types module ${show(url)}: ${reason}`, options);
  }
}

/** An encoded event larger than a record may be (an eighth of the ring). Send less, or give the bus a larger ring. */
export class EventTooLargeError extends BusError {
  readonly code = 'BUS_EVENT_TOO_LARGE';
  constructor(
    readonly sizeBytes: number,
    readonly maxBytes: number,
    readonly topic: string,
  ) {
    super(
      `event on ${show(topic)} needs ${sizeBytes} bytes, a record holds at most ${maxBytes} (an eighth of capacityBytes); ` +
        `raise capacityBytes or send less`,
    );
  }
}

/** Bytes given to `forward` or read by the command that are no valid envelope. */
export class MalformedEnvelopeError extends BusError {
  readonly code = 'BUS_MALFORMED_ENVELOPE';
  constructor(
    readonly reason: string,
    /** Offset of the offending byte from the start of the envelope. */
    readonly offset: number,
  ) {
    super(`malformed envelope at byte ${offset}: ${reason}; was it cut or changed on its way?`);
  }
}

/** An envelope given to `forward` that lacks what it must carry: a valid timestamp, a namespace, a topic, an event. */
export class IncompleteEnvelopeError extends BusError {
  readonly code = 'BUS_INCOMPLETE_ENVELOPE';
  constructor(
    readonly field: string,
    readonly reason: string,
  ) {
    super(`forwarded envelope: ${field} ${reason}`);
  }
}

/** Payload bytes that do not decode as their type; thrown where `envelope.event` is read. */
export class MalformedPayloadError extends BusError {
  readonly code = 'BUS_MALFORMED_PAYLOAD';
  constructor(
    readonly typeUrl: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(
      `payload of type ${show(typeUrl)}: ${reason}; do publisher and subscriber have the same .proto file?`,
      options,
    );
  }
}

/** An operation on a bus that is closing, closed or destroyed. */
export class BusClosedError extends BusError {
  readonly code = 'BUS_CLOSED';
  constructor(readonly operation: string) {
    super(`${operation} failed: the bus is closed or closing, and accepts nothing more; create another`);
  }
}

/** `publish` behind a full ring when the heap queue is full too. The event was not accepted; await `writable()` first. */
export class QueueFullError extends BusError {
  readonly code = 'BUS_QUEUE_FULL';
  constructor(
    readonly pendingBytes: number,
    readonly maxPendingBytes: number,
    readonly heldBy: string,
  ) {
    super(
      `the ring is full, ${heldBy} holds it, and the queue behind it is full too: ${pendingBytes} of ${maxPendingBytes} bytes. ` +
        `Await bus.writable() when publish returns false, use tryPublish to drop events, or raise maxPendingBytes`,
    );
  }
}

/** `publishSync` that found no room in time. The event was not accepted; a retry can help. */
export class PublishTimeoutError extends BusError {
  readonly code = 'BUS_PUBLISH_TIMEOUT';
  constructor(
    readonly timeoutMs: number,
    readonly heldBy: string,
  ) {
    super(
      `publishSync found no room in the ring within ${timeoutMs} ms: ${heldBy} holds it. Try again, raise timeoutMs, or use ` +
        `publish, which queues`,
    );
  }
}

/** A wait that could never end: the reader that holds the ring belongs to the thread (or is the handler) that would wait. */
export class WouldDeadlockError extends BusError {
  readonly code = 'BUS_WOULD_DEADLOCK';
  constructor(
    readonly operation: string,
    readonly heldBy: string,
  ) {
    super(
      `${operation} would wait forever: ${heldBy} holds the ring, and cannot read on while this call waits. ` +
        (operation === 'publishSync' ? 'Use publish, which queues' : 'Await it outside of that handler'),
    );
  }
}

/** `publishSync` or `setFilter` called from user code that runs while a record is being encoded. */
export class ReentrantPublishError extends BusError {
  readonly code = 'BUS_REENTRANT_PUBLISH';
  constructor(readonly operation: string) {
    super(
      `${operation} was called while an event is being encoded; ` +
        (operation === 'publishSync' ? 'use publish, which queues behind it' : 'call it before or after'),
    );
  }
}

/**
 * A 256th connection at a time: it accepts nothing more, and what it had accepted until it was told so is delivered. Close one, or
 * let its thread end; then connect again.
 */
export class TooManyConnectionsError extends BusError {
  readonly code = 'BUS_TOO_MANY_CONNECTIONS';
  constructor(readonly maxConnections: number) {
    super(`the bus has ${maxConnections} connections already; close one, or share one per thread, and connect again`);
  }
}

/** A 65th reader. Handlers of one thread share a reader; iterators, modules and `isolate` take one each. */
export class TooManyReadersError extends BusError {
  readonly code = 'BUS_TOO_MANY_READERS';
  constructor(readonly maxReaders: number) {
    super(`all ${maxReaders} readers of the bus are taken; stop a module, an iterator or an isolated handler first`);
  }
}

/** A subscription that ended before what was awaited of it came, or that is to be changed after its end. Subscribe again. */
export class SubscriptionEndedError extends BusError {
  readonly code = 'BUS_SUBSCRIPTION_ENDED';
  constructor(
    readonly subscription: string,
    readonly reason: string,
  ) {
    super(`subscription ${show(subscription)} ${reason}`);
  }
}

/** A wait that was given an end, `timeoutMs`, and reached it. A retry can help. */
export class TimeoutError extends BusError {
  readonly code = 'BUS_TIMEOUT';
  constructor(
    readonly operation: string,
    readonly timeoutMs: number,
    /** What came instead, for the message. */
    others = '',
  ) {
    super(
      `${operation}: no event that the filter selects came within ${timeoutMs} ms` +
        `; ${others === '' ? 'wait longer, or look at explain(filter)' : others}`,
    );
  }
}

/**
 * A process warning: a call of `next` without `timeoutMs` waits, and no event ever came on a topic that its filter selects.
 * The wait goes on.
 */
export class NothingSelectedError extends BusError {
  readonly code = 'BUS_NOTHING_SELECTED';
  constructor(
    readonly filter: unknown,
    readonly waitedMs: number,
    /** What came instead, for the message. */
    others: string,
  ) {
    super(
      `next has waited ${waitedMs} ms for an event that ${shownFilter(filter)} selects; ${others}; ` +
        'if the filter is as you mean it, pass timeoutMs (it may be Infinity)',
    );
  }
}

function shownFilter(filter: unknown): string {
  return typeof filter === 'string' ? show(filter) : JSON.stringify(filter);
}

/** A lossless subscription that held up a waiting publisher for `stallTimeoutMs`; it goes on, lossy. */
export class SubscriptionEvictedError extends BusError {
  readonly code = 'BUS_EVICTED';
  constructor(
    readonly subscription: string,
    readonly stallTimeoutMs: number,
  ) {
    super(
      `${subscription} blocked a waiting publisher for ${stallTimeoutMs} ms without handling an event, and was demoted from ` +
        `lossless to lossy: events may be missed from now on. Make the handler faster, or raise stallTimeoutMs`,
    );
  }
}

/** `emit` outside any emission context. Call it within `runWithEmitter`, or use `tryEmit` where nobody may be listening. */
export class NoEmitterError extends BusError {
  readonly code = 'BUS_NO_EMITTER';
  constructor(readonly topic: string) {
    super(
      `emit(${show(topic)}) was called outside of runWithEmitter; call it inside, or use tryEmit where nobody may listen`,
    );
  }
}

/**
 * Timers of Node's were replaced by fakes before this package was loaded: nothing would ever be delivered. Load the package
 * before they are installed, in the set-up file that does it; fakes that come later, of timers and of clocks, change nothing.
 */
export class FakeTimersError extends BusError {
  readonly code = 'BUS_FAKE_TIMERS';
  constructor(
    /** Names of the replaced functions, joined by commas. */
    readonly timers: string,
  ) {
    super(`fake timers were installed before ringcast was loaded (${timers}); import ringcast before you install them`);
  }
}

/** The statistics of a bus cannot be served to other processes at a path. */
export class CannotServeError extends BusError {
  readonly code = 'BUS_CANNOT_SERVE';
  constructor(
    readonly path: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`statistics cannot be served at ${show(path)}: ${reason}`, options);
  }
}

/** Shared memory written by another version of the package. */
export class LayoutMismatchError extends BusError {
  readonly code = 'BUS_LAYOUT_MISMATCH';
  constructor(
    readonly found: number,
    readonly expected: number,
  ) {
    super(
      `shared memory has layout ${found}, this version reads ${expected}; load one version of ringcast in all threads`,
    );
  }
}

/** Bytes in the ring that are no record: memory was written by somebody else. Destroy the bus. */
export class CorruptRecordError extends BusError {
  readonly code = 'BUS_CORRUPT_RECORD';
  constructor(
    readonly offset: number,
    readonly reason: string,
  ) {
    super(
      `the ring has bytes at offset ${offset} that are not a record (${reason}); destroy the bus and create another`,
    );
  }
}

/**
 * A handler wrote into the memory that its envelopes share. What was not handed out yet is read again from the ring;
 * envelopes that were handed out before may be damaged.
 */
export class OverwrittenEnvelopesError extends BusError {
  readonly code = 'BUS_OVERWRITTEN_ENVELOPES';
  constructor(cause: CorruptRecordError) {
    super(`a handler wrote into the memory that envelopes share (${cause.reason}); copy payload before you change it`, {
      cause,
    });
  }
}

/** A .proto file that cannot be turned into event classes: missing, not valid, or using what is not supported. */
export class CodegenError extends BusError {
  readonly code = 'BUS_CODEGEN';
}
