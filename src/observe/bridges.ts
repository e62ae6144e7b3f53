/** The bridges of a bus. */
import { InvalidOptionError } from '../errors.js';
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
    checkBridge(bridge);
    const { name } = bridge;
    if (this.#attached.has(name)) {
      throw new InvalidOptionError('bridge.name', name, 'the name of no other bridge that is attached');
    }
    const attached = new AttachedBridge(bridge, this.#host, () => this.#attached.delete(name));
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

function checkBridge(bridge: Bridge): void {
  const expected = 'a bridge: an EventEmitter with name, ready, stats() and close()';
  if (bridge === null || typeof bridge !== 'object') throw new InvalidOptionError('bridge', bridge, expected);
  for (const method of METHODS) {
    if (typeof bridge[method] !== 'function')
      throw new InvalidOptionError(`bridge.${method}`, bridge[method], 'a function');
  }
  if (typeof bridge.ready?.then !== 'function') throw new InvalidOptionError('bridge.ready', bridge.ready, 'a promise');
  const fault = namespaceFault(bridge.name);
  if (fault !== undefined)
    throw new InvalidOptionError('bridge.name', bridge.name, `one segment of a topic (${fault})`);
}
