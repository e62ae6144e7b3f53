/**
 * Closing on signals of the system: one line instead of the dozen that a service needs to end without losing events.
 *
 * All buses of the process that close on a signal close together, and the signal is raised again once, after the last of
 * them has: then it does what it would have done without us, or what other listeners make of it.
 */
import { InvalidOptionError } from '../errors.js';
import { workerThreads } from '../host/worker-threads.js';

/** What is closed. */
export interface Closable {
  close(): Promise<unknown>;
  destroy(): void;
}

/** Cannot be listened to. */
const UNHEARD: readonly string[] = ['SIGKILL', 'SIGSTOP'];

const buses = new Map<Closable, ReadonlySet<NodeJS.Signals>>();
const listeners = new Map<NodeJS.Signals, () => void>();
/** What is being closed because of a signal. */
let closing: readonly Closable[] | undefined;

/**
 * Closes `bus` at the first of `signals`. A second one, while the bus closes, destroys the bus and ends at once.
 *
 * @throws {InvalidOptionError} `BUS_INVALID_OPTION` for names of no signal, and on threads, which no signal reaches
 */
export function closeOn(bus: Closable, signals: readonly NodeJS.Signals[]): void {
  if (!workerThreads().isMainThread) {
    throw new InvalidOptionError('closeOn', signals, 'called on the main thread, the only one that gets signals');
  }
  if (signals.length === 0) throw new InvalidOptionError('signals', signals, "at least one, such as 'SIGTERM'");
  const { constants } = process.getBuiltinModule('node:os');
  for (const signal of signals) {
    if (typeof signal !== 'string' || !Object.hasOwn(constants.signals, signal) || UNHEARD.includes(signal)) {
      throw new InvalidOptionError('signal', signal, "a signal that a process can listen to, such as 'SIGTERM'");
    }
  }
  buses.set(bus, new Set([...(buses.get(bus) ?? []), ...signals]));
  for (const signal of signals) listen(signal);
}

/** The bus closes without a signal: it waits for none any more. */
export function closeOnNothing(bus: Closable): void {
  if (closing?.includes(bus) !== true) forget([bus]);
}

function listen(signal: NodeJS.Signals): void {
  const known = listeners.get(signal);
  if (known !== undefined) {
    // Somebody may have removed all listeners of the signal.
    if (!process.listeners(signal).includes(known)) process.on(signal, known);
    return;
  }
  const listener = (): void => {
    if (closing === undefined) void obey(signal);
    else endAtOnce(signal, closing);
  };
  listeners.set(signal, listener);
  process.on(signal, listener);
}

async function obey(signal: NodeJS.Signals): Promise<void> {
  const concerned = [...buses].filter(([, signals]) => signals.has(signal)).map(([bus]) => bus);
  closing = concerned;
  await Promise.allSettled(concerned.map((bus) => bus.close()));
  // Unless a second signal was faster.
  if (closing === concerned) raise(signal, concerned);
}

function endAtOnce(signal: NodeJS.Signals, concerned: readonly Closable[]): void {
  for (const bus of concerned) bus.destroy();
  raise(signal, concerned);
}

/** Lets the signal do what it would have done without us. */
function raise(signal: NodeJS.Signals, concerned: readonly Closable[]): void {
  closing = undefined;
  forget(concerned);
  process.kill(process.pid, signal);
}

/** Listens to no signal that no bus waits for. */
function forget(concerned: readonly Closable[]): void {
  for (const bus of concerned) buses.delete(bus);
  const wanted = new Set([...buses.values()].flatMap((signals) => [...signals]));
  for (const [signal, listener] of [...listeners]) {
    if (wanted.has(signal)) continue;
    process.off(signal, listener);
    listeners.delete(signal);
  }
}
