/**
 * Plugins, initialised in the order of what they require of each other. What `init` returns is what others get.
 *
 * A plugin that fails does not stop the others, only those that require it. `/plugin/register` says that a plugin is
 * there to be used, `/plugin/error` why one is not.
 */
import { PluginError, PluginRegister } from '../../events.js';
import { tryEmit } from '../../index.js';
import { stringsOf } from '../argument-check.js';
import { KeyedLock } from '../keyed-lock.js';
import {
  AlreadyExistsError,
  InvalidArgumentError,
  NotFoundError,
  PluginFailedError,
  reasonOf,
} from '../service-errors.js';

const PART = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,75}$/;
/** Characters of an error that are told in an event: more may not fit the ring. */
const MAX_REASON = 1_024;

export interface Plugin {
  /** Unique among its type, such as `native`. */
  readonly id: string;
  /** What it is, such as `snapshotter`. */
  readonly type: string;
  /** What has to be there first: a type (all of its plugins, at least one), or `type/id`. */
  readonly requires?: readonly string[];
  readonly capabilities?: readonly string[];
  /** Called once. Asks `context` only for what it requires. */
  init(context: PluginContext): unknown;
}

export interface PluginContext {
  /** What a required plugin's `init` returned: by `type/id`, or by a type of which there is one. */
  get<T>(reference: string): T;
}

interface Registered {
  /** A copy, each value read once. */
  readonly plugin: Required<Omit<Plugin, 'init'>>;
  /** `type/id`. */
  readonly name: string;
  init(context: PluginContext): unknown;
  state: 'waiting' | 'initialising' | 'ready' | 'failed';
  instance?: unknown;
}

export class PluginRegistry {
  readonly #plugins = new Map<string, Registered>();
  readonly #lock = new KeyedLock();

  /**
   * Adds a plugin; {@link initialise} starts it.
   *
   * @throws {AlreadyExistsError} `SERVICE_ALREADY_EXISTS` for its type and id
   * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for a malformed type, id or requirement, or no `init`
   */
  add(plugin: Plugin): void {
    const init: unknown = plugin?.init;
    if (typeof init !== 'function') {
      throw new InvalidArgumentError('plugin', plugin, 'an object with an init function');
    }
    const { type, id, requires = [], capabilities = [] } = plugin;
    const copy = {
      ...{ type, id },
      requires: stringsOf('requires', requires, 'a list of types, or of type/id'),
      capabilities: stringsOf('capabilities', capabilities, 'a list of strings'),
    };
    const name = nameOf(copy);
    if (this.#plugins.has(name)) throw new AlreadyExistsError('plugin', name);
    this.#plugins.set(name, { plugin: copy, name, init: (context) => init.call(plugin, context), state: 'waiting' });
  }

  /**
   * Initialises all plugins that are not yet, one after the other, requirements first.
   *
   * @returns the failures, none if all went well; each was emitted, too
   */
  initialise(): Promise<PluginFailedError[]> {
    return this.#lock.run('', async () => {
      const failures: PluginFailedError[] = [];
      for (const registered of [...this.#plugins.values()]) await this.#initialise(registered, [], failures);
      return failures;
    });
  }

  /**
   * What a plugin's `init` returned.
   *
   * @param reference `type/id`, or a type of which there is exactly one
   * @throws {NotFoundError} `SERVICE_NOT_FOUND` where there is none, or it is not ready
   */
  get<T>(reference: string): T {
    const [registered, ...others] = this.#find(reference);
    if (registered?.state !== 'ready' || others.length > 0) throw new NotFoundError('ready plugin', reference);
    return registered.instance as T;
  }

  async #initialise(registered: Registered, path: readonly string[], failures: PluginFailedError[]): Promise<void> {
    if (registered.state !== 'waiting') return;
    registered.state = 'initialising';
    const { plugin, name } = registered;
    const { id, type, requires } = plugin;
    try {
      for (const reference of requires) await this.#require(reference, [...path, name], failures);
      registered.instance = await registered.init({ get: (reference) => this.#getRequired(requires, reference) });
      registered.state = 'ready';
      tryEmit('/plugin/register', new PluginRegister(plugin));
    } catch (error) {
      registered.state = 'failed';
      const reason = reasonOf(error);
      failures.push(new PluginFailedError(name, reason, { cause: error }));
      tryEmit('/plugin/error', new PluginError({ id, type, error: reason.slice(0, MAX_REASON) }));
    }
  }

  async #require(reference: string, path: readonly string[], failures: PluginFailedError[]): Promise<void> {
    const required = this.#find(reference);
    if (required.length === 0) throw new Error(`requires ${reference}, which is not registered`);
    for (const other of required) {
      if (other.state === 'initialising') throw new Error(`requires itself: ${[...path, other.name].join(' → ')}`);
      await this.#initialise(other, path, failures);
    }
    if (!required.some(({ state }) => state === 'ready')) throw new Error(`requires ${reference}, which failed`);
  }

  #getRequired<T>(requires: readonly string[], reference: string): T {
    const [type = ''] = reference.split('/');
    if (requires.includes(reference) || requires.includes(type)) return this.get(reference);
    throw new Error(`asks for ${reference}, which it does not require`);
  }

  #find(reference: string): Registered[] {
    const exact = this.#plugins.get(reference);
    return exact ? [exact] : [...this.#plugins.values()].filter(({ plugin }) => plugin.type === reference);
  }
}

function nameOf({ type, id, requires }: Registered['plugin']): string {
  const isReference = (value: string) => value.split('/').length <= 2 && value.split('/').every(isPart);
  if (!isPart(type)) throw new InvalidArgumentError('plugin type', type, 'letters, digits, "_", ".", "-"');
  if (!isPart(id)) throw new InvalidArgumentError('plugin id', id, 'letters, digits, "_", ".", "-"');
  const malformed = requires.find((reference) => !isReference(reference));
  if (malformed !== undefined) throw new InvalidArgumentError('requires', malformed, 'a type or type/id');
  return `${type}/${id}`;
}

function isPart(value: unknown): boolean {
  return typeof value === 'string' && PART.test(value);
}
