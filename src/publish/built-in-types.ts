/** The types of this package, for what is not about one bus. */
import { TypeRegistry } from '../envelope/type-registry.js';

let registry: TypeRegistry | undefined;

/** Made when it is first asked for; nothing is ever added to it. */
export function builtInRegistry(): TypeRegistry {
  registry ??= new TypeRegistry();
  return registry;
}
