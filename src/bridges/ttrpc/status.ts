/** The statuses of calls, which are those of gRPC. */

export const OK = 0;
export const UNKNOWN = 2;
export const INVALID_ARGUMENT = 3;
export const RESOURCE_EXHAUSTED = 8;
export const UNIMPLEMENTED = 12;
export const INTERNAL = 13;
export const UNAVAILABLE = 14;

/** Thrown by a method of a server: the status and the message that its caller gets. Anything else thrown is UNKNOWN. */
export class TtrpcStatus extends Error {
  override readonly name = 'TtrpcStatus';
  constructor(
    readonly status: number,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
