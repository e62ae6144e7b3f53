/** The types of this thread by the type ids in records. */
import { EnvelopeContext, type ResolvedType } from '../envelope/envelope-context.js';
import type { NameDirectory } from '../ring/name-registry.js';

export class TypeDirectory {
  /** What the envelopes of this thread share. */
  readonly envelopes: EnvelopeContext;
  readonly #names: NameDirectory;
  readonly #types: (ResolvedType | undefined)[] = [];

  constructor(registry: EnvelopeContext['registry'], names: NameDirectory) {
    this.envelopes = new EnvelopeContext(registry);
    this.#names = names;
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
}
