/** What ids in records stand for in this thread: types with their codecs, and origins. */
import { EnvelopeContext, type ResolvedType } from '../envelope/envelope-context.js';
import type { NameDirectory } from '../ring/name-registry.js';

export class TypeDirectory {
  /** What the envelopes of this thread share. */
  readonly envelopes: EnvelopeContext;
  readonly #names: NameDirectory;
  readonly #origins: NameDirectory;
  readonly #types: (ResolvedType | undefined)[] = [];

  constructor(registry: EnvelopeContext['registry'], names: NameDirectory, origins: NameDirectory) {
    this.envelopes = new EnvelopeContext(registry);
    this.#names = names;
    this.#origins = origins;
  }

  /** The type with an id; undefined for 0: the envelope says it. */
  type(typeId: number): ResolvedType | undefined {
    if (typeId === 0) return undefined;
    let type = this.#types[typeId];
    if (type === undefined) {
      type = this.envelopes.resolve(this.#names.name(typeId));
      // A type that is not known yet may be registered later.
      if (type.codec !== undefined) this.#types[typeId] = type;
    }
    return type;
  }

  /** The origin with an id; undefined for 0: the event began in this process. */
  origin(originId: number): string | undefined {
    return originId === 0 ? undefined : this.#origins.name(originId);
  }
}
