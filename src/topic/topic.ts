/**
 * Topics and namespaces: what events are published to, and whose they are.
 *
 *     topic      := ("/" identifier)+          at most 1,024 bytes
 *     namespace  := identifier
 *     identifier := alnum+ ([._-] alnum+)*     1 to 76 characters, ASCII
 *
 * The grammar and the wording of the reasons are containerd's (pkg/identifiers, core/events/exchange); the limit on the
 * whole topic is ours. A valid topic is ASCII, so bytes and characters are the same count.
 */
import { InvalidNamespaceError, InvalidTopicError } from '../errors.js';
import { show } from '../shown.js';

/** Longest topic, in bytes. */
const MAX_TOPIC_BYTES = 1024;
/** Longest identifier, in characters: a namespace or one component of a topic. */
export const MAX_IDENTIFIER_LENGTH = 76;
/** Characters of an identifier that join two alphanumeric runs, never first, last or side by side. */
export const SEPARATORS = '._-';
export const ALPHANUMERICS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

const IDENTIFIER = /^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$/;
const RESERVED_ROOT = '/ringcast';

/**
 * Checks that a value is a topic.
 *
 * Threads: any. Waits: never. Allocates: one string per component.
 *
 * @throws {InvalidTopicError} `BUS_INVALID_TOPIC`, with the reason, when it is not
 */
export function checkTopic(topic: unknown): asserts topic is string {
  const reason = topicFault(topic);
  if (reason !== undefined) throw new InvalidTopicError(topic, reason);
}

/**
 * Checks that a value is a namespace.
 *
 * @throws {InvalidNamespaceError} `BUS_INVALID_NAMESPACE`, with the reason, when it is not
 */
export function checkNamespace(namespace: unknown): asserts namespace is string {
  const reason = namespaceFault(namespace);
  if (reason !== undefined) throw new InvalidNamespaceError(namespace, reason);
}

/** Whether a topic belongs to the bus itself (`/ringcast/dead-letter`): publishing there is refused, subscribing is not. */
export function isReservedTopic(topic: string): boolean {
  return topic === RESERVED_ROOT || topic.startsWith(`${RESERVED_ROOT}/`);
}

/** Why a value is no namespace; undefined when it is one. */
export function namespaceFault(namespace: unknown): string | undefined {
  return typeof namespace === 'string' ? identifierFault(namespace) : 'must be a string';
}

/** Why a value is no topic; undefined when it is one. */
export function topicFault(topic: unknown): string | undefined {
  if (typeof topic !== 'string') return 'must be a string';
  if (topic === '') return 'must not be empty';
  if (topic[0] !== '/') return "must start with '/'";
  if (topic.length === 1) return 'must have at least one component';
  if (topic.length > MAX_TOPIC_BYTES) return `greater than maximum length (${MAX_TOPIC_BYTES} bytes)`;
  for (const component of topic.slice(1).split('/')) {
    const fault = identifierFault(component);
    if (fault !== undefined) return `failed validation on component ${show(component)}: ${fault}`;
  }
  return undefined;
}

function identifierFault(identifier: string): string | undefined {
  if (identifier === '') return 'identifier must not be empty';
  if (identifier.length > MAX_IDENTIFIER_LENGTH) {
    return `identifier ${show(identifier)} greater than maximum length (${MAX_IDENTIFIER_LENGTH} characters)`;
  }
  if (!IDENTIFIER.test(identifier)) {
    return `identifier ${show(identifier)} must match ${IDENTIFIER.source}`;
  }
  return undefined;
}
