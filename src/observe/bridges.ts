/** The bridges of a bus. */
import { InvalidOptionError } from '../errors.js';
import { readable } from '../option-check.js';
import { namespaceFault } from '../topic/topic.js';
import { AttachedBridge, type BridgeHost } from './attached-bridge.js';
import type { Bridge, BridgeAttachment, BridgeStats } from './bridge.js';

const METHODS = ['on', 'off', 'stats', 'close'] as const;

export class Bridges {
  readonly #host: BridgeHost;
  readonly #attached = new Map<string, AttachedBridge>();

  constructor(host: BridgeHost) {
    this.#host = host;
  }

  /** @throws {InvalidOptionError} `BUS_INVALID_OPTION` */
  attach(bridge: Bridge): BridgeAttachment {
    const { name, ready } = checkBridge(bridge);
    if (this.#attached.has(name)) {
      throw new InvalidOptionError('bridge.name', name, 'the name of no other bridge that is attached');
    }
    const attached = new AttachedBridge(bridge, name, ready, this.#host, () => this.#attached.delete(name));
    this.#attached.set(name, attached);
    return attached;
  }

  stats(): readonly BridgeStats[] {
    return [...this.#attached.values()].map((bridge) => bridge.stats());
  }

  /** Ends all of them; resolves when they have. */
  async close(): Promise<void> {
    await Promise.all([...this.#attached.values()].map((bridge) => bridge.close()));
  }
}

/** What of a bridge is read once. */
function checkBridge(bridge: Bridge): Pick<Bridge, 'name' | 'ready'> {
  const expected = 'a bridge: an EventEmitter with name, ready, stats() and close()';
  if (bridge === null || typeof bridge !== 'object') throw new InvalidOptionError('bridge', bridge, expected);
  for (const key of METHODS) {
    const method: unknown = readable(`bridge.${key}`, () => bridge[key]);
    if (typeof method !== 'function') throw new InvalidOptionError(`bridge.${key}`, method, 'a function');
  }
  const { name, ready } = readable('bridge', () => ({ name: bridge.name, ready: bridge.ready }));
  if (readable('bridge.ready', () => typeof ready?.then) !== 'function')
    throw new InvalidOptionError('bridge.ready', ready, 'a promise');
  const fault = namespaceFault(name);
  if (fault !== undefined) throw new InvalidOptionError('bridge.name', name, `one segment of a topic (${fault})`);
  return { name, ready };
}
