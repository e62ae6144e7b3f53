/** From the options of a call to the extension of its record. */
import { InvalidTraceparentError } from '../errors.js';
import { ExtensionWords, type RecordExtension } from '../ring/record-extension.js';
import { traceparentFault } from '../ring/traceparent.js';
import { parseTraceparent } from '../ring/traceparent-parser.js';
import type { Origins } from './origins.js';

export class Extensions {
  readonly #origins: Origins;
  /** What was given last: a bridge gives the same origin each time. */
  #traceparent: string | undefined;
  #origin: string | undefined;
  #extension: RecordExtension | undefined;

  constructor(origins: Origins) {
    this.#origins = origins;
  }

  /**
   * The extension that says both; undefined where neither is given.
   *
   * @throws {InvalidTraceparentError} `BUS_INVALID_TRACEPARENT`
   * @throws {InvalidOriginError} `BUS_INVALID_ORIGIN`
   * @throws {TooManyOriginsError} `BUS_TOO_MANY_ORIGINS`
   */
  of(traceparent: string | undefined, origin: string | undefined): RecordExtension | undefined {
    if (traceparent === this.#traceparent && origin === this.#origin) return this.#extension;
    if (traceparent === undefined && origin === undefined) return undefined;
    const extension = extensionWith(traceparent);
    if (extension === undefined) throw new InvalidTraceparentError(traceparent, faultOf(traceparent)!);
    if (origin !== undefined) extension.originId = this.#origins.idOf(origin);
    this.#extension = extension;
    this.#traceparent = traceparent;
    this.#origin = origin;
    return this.#extension;
  }
}

/** With that trace and no origin yet; undefined where it is no trace. */
function extensionWith(traceparent: unknown): ExtensionWords | undefined {
  if (traceparent === undefined) return new ExtensionWords();
  return typeof traceparent === 'string' ? parseTraceparent(traceparent) : undefined;
}

/** @throws {InvalidTraceparentError} `BUS_INVALID_TRACEPARENT` */
export function checkTraceparent(traceparent: unknown): void {
  const fault = faultOf(traceparent);
  if (fault !== undefined) throw new InvalidTraceparentError(traceparent, fault);
}

/** What is wrong with it; undefined: nothing. */
function faultOf(traceparent: unknown): string | undefined {
  return typeof traceparent === 'string' ? traceparentFault(traceparent) : 'is not a string';
}
