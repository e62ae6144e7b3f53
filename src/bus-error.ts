/** What the errors of this package have in common. */

/** What every error of this package is. Match on `code`; messages may be reworded. */
export abstract class BusError extends Error {
  /** Stable identifier, `BUS_…`. */
  abstract readonly code: string;
  /** Of errors that `forwardAll` throws: bytes of the run that were forwarded before. Undefined on all others. */
  declare consumedBytes?: number;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    // The prototype's property keeps the name out of every instance's own enumerable fields.
    Object.defineProperty(this, 'name', { value: new.target.name, enumerable: false, configurable: true });
  }
}
