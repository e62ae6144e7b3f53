/** What can go wrong between a bus and the world outside: one class each, with a stable `code` and the offending values. */
import { BusError } from '../index.js';
import { show, showBriefly, showThrown } from '../shown.js';

/** A package that a bridge needs and that is not installed, or not in a version that works. */
export class MissingPeerError extends BusError {
  readonly code = 'BRIDGE_MISSING_PEER';
  constructor(
    readonly packages: readonly string[],
    /** The command that mends it. */
    readonly install: string,
    cause: unknown,
  ) {
    super(`${packages.join(' and ')} cannot be loaded: ${showBriefly(cause)}; install with: ${install}`, { cause });
  }
}

/** An address that somebody else serves already, or where something lies that is no socket. Nothing was removed. */
export class AddressInUseError extends BusError {
  readonly code = 'BRIDGE_ADDRESS_IN_USE';
  constructor(
    readonly address: string,
    readonly reason: string,
  ) {
    super(`address ${show(address)}: ${reason}`);
  }
}

/** The other side is not there, or went away before it answered. What was sent may have arrived. */
export class ConnectionLostError extends BusError {
  readonly code = 'BRIDGE_CONNECTION_LOST';
  constructor(
    readonly address: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`the connection to ${address} failed: ${reason}; try again when the other side is there`, options);
  }
}

/** The other side sent what is not of the protocol. The connection was closed. */
export class ProtocolError extends BusError {
  readonly code = 'BRIDGE_PROTOCOL';
  constructor(
    readonly address: string,
    readonly reason: string,
  ) {
    super(`${address} does not keep to the protocol: ${reason}; is it the socket of a ttrpc server?`);
  }
}

/** A call that the other side answered with a status other than OK. */
export class CallFailedError extends BusError {
  readonly code = 'BRIDGE_CALL_FAILED';
  constructor(
    readonly method: string,
    /** As in gRPC: 3 INVALID_ARGUMENT, 8 RESOURCE_EXHAUSTED, 14 UNAVAILABLE, … */
    readonly status: number,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`${method} failed with status ${status}: ${reason}`, options);
  }
}

/** A call that was not answered in time. It may have been carried out. */
export class CallTimeoutError extends BusError {
  readonly code = 'BRIDGE_CALL_TIMEOUT';
  constructor(
    readonly method: string,
    readonly timeoutMs: number,
  ) {
    super(
      `${method}: no answer within ${timeoutMs} ms, though it may have been carried out; call again, or raise timeoutMs`,
    );
  }
}

/** More calls at once than a client keeps. Await earlier ones first. */
export class TooManyCallsError extends BusError {
  readonly code = 'BRIDGE_TOO_MANY_CALLS';
  constructor(
    readonly method: string,
    readonly maxCalls: number,
  ) {
    super(`${method}: ${maxCalls} calls wait for answers already; await some of them first`);
  }
}

/** A stream that cannot be read or written: there is none, or the server has no JetStream, or does not permit it. */
export class StreamUnusableError extends BusError {
  readonly code = 'BRIDGE_STREAM_UNUSABLE';
  constructor(
    readonly stream: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`stream ${show(stream)}: ${reason}; create it first, or pass the option create`, options);
  }
}

/** A bridge, client or server that was used after its end, or ended meanwhile. */
export class BridgeClosedError extends BusError {
  readonly code = 'BRIDGE_CLOSED';
  constructor(readonly bridge: string) {
    super(`${bridge} is closed; make another`);
  }
}

/** What a bridge lost its other side of, as an error with a code. */
export function connectionLost(address: string, thrown: unknown): ConnectionLostError {
  return new ConnectionLostError(address, showThrown(thrown), { cause: thrown });
}
