/** The names of origins in shared memory: where events that did not begin in this process came in. */
import { InvalidOriginError, TooManyOriginsError } from '../errors.js';
import { allocateNames, type NameRegistry } from '../ring/name-registry.js';

/** Origins of one bus, since it began: its bridges, and whom they speak with. */
const MAX_ORIGINS = 1024;
/** Of one name, as UTF-8. */
const MAX_ORIGIN_BYTES = 256;
/** What a table of names keeps for each, on average. */
const TABLE_BYTES_PER_NAME = 64;

/** Allocates a table that always has room for {@link MAX_ORIGINS} of the longest names. */
export function allocateOrigins(): SharedArrayBuffer {
  return allocateNames((MAX_ORIGINS * MAX_ORIGIN_BYTES) / TABLE_BYTES_PER_NAME);
}

const NO_ORIGINS: ReadonlySet<number> = new Set();

export class Origins {
  readonly #names: NameRegistry;
  readonly #ids = new Map<string, number>();

  constructor(names: NameRegistry) {
    this.#names = names;
  }

  /**
   * The id of an origin, from 1; the same for as long as the bus lives.
   *
   * @throws {InvalidOriginError} `BUS_INVALID_ORIGIN`
   * @throws {TooManyOriginsError} `BUS_TOO_MANY_ORIGINS`
   */
  idOf(origin: unknown): number {
    const known = this.#ids.get(origin as string);
    if (known !== undefined) return known;
    const fault = originFault(origin);
    if (fault !== undefined) throw new InvalidOriginError(origin, fault);
    if (this.#ids.size === MAX_ORIGINS) throw new TooManyOriginsError(origin as string, MAX_ORIGINS);
    const id = this.#names.append(origin as string);
    this.#ids.set(origin as string, id);
    return id;
  }
}

/** @throws {InvalidOriginError} `BUS_INVALID_ORIGIN` */
export function checkOrigins(names: readonly string[]): void {
  for (const name of names) {
    const fault = originFault(name);
    if (fault !== undefined) throw new InvalidOriginError(name, fault);
  }
}

/** The ids of a list of origins, and errors as those of `idOf`. */
export function idsOf(origins: Origins, names: readonly string[] | undefined): ReadonlySet<number> {
  return names === undefined || names.length === 0 ? NO_ORIGINS : new Set(names.map((name) => origins.idOf(name)));
}

function originFault(origin: unknown): string | undefined {
  if (typeof origin !== 'string') return 'is not a string';
  if (origin === '') return 'is empty';
  // A surrogate by itself would come out as another name.
  if (Buffer.from(origin).toString() !== origin) return 'is not well-formed Unicode';
  const bytes = Buffer.byteLength(origin);
  return bytes > MAX_ORIGIN_BYTES ? `has ${bytes} bytes, and may have ${MAX_ORIGIN_BYTES}` : undefined;
}
