/** The start of a subscriber thread: sets the user's module up, and hands it to what reads for it. */
import { TypeRegistry } from '../envelope/type-registry.js';
import { startLoaded } from '../host/thread-start.js';
import { checkTimers, setInterval } from '../host/timing.js';
import { workerThreads } from '../host/worker-threads.js';
import { CLOSED, HEARTBEAT, slotOf, WRITER_STATE } from '../ring/control-descriptor.js';
import { attachRing } from '../ring/ring-memory.js';
import { checkBlocking } from './dedicated-loop.js';
import { ModuleBus } from './module-bus.js';
import { loadSubscriber, type ModuleContext } from './subscriber-module.js';
import { SubscriberThread } from './subscriber-thread.js';
import { takeOutput } from './thread-output.js';
import { sendToBus } from './thread-reports.js';
import { loadTypeScript } from './typescript-loader.js';
import { type Attachment, crossError, type RefusedStep, type ToThread, WAKE_MESSAGE } from './worker-protocol.js';

/** Sets up and starts one subscriber; resolves once it reads, or has said why it cannot. */
export async function attachSubscriber(attachment: Attachment): Promise<void> {
  startLoaded();
  // Before any code of the user's runs, which may replace what it finds there.
  workerThreads();
  const { port } = attachment;
  const abort = new AbortController();
  const printed = takeOutput();
  const bus = new ModuleBus(attachment);
  const context: ModuleContext = {
    name: attachment.name,
    data: attachment.data,
    signal: abort.signal,
    get bus() {
      return bus.bus;
    },
  };
  const early: ToThread[] = [];
  const hearEarly = (message: ToThread): void => {
    if (message === WAKE_MESSAGE) return;
    early.push(message);
    if (message.kind === 'stop') abort.abort();
  };
  // Not only when the module is set up: what hangs in setup is told to stop.
  port.on('message', hearEarly);
  let step: RefusedStep = 'types';
  if (attachment.hangTimeoutMs !== undefined) beat(attachment, attachment.hangTimeoutMs);
  try {
    await loadTypeScript([attachment.moduleUrl, ...attachment.types]);
    const types = new TypeRegistry();
    types.load(attachment.types);
    step = 'module';
    const module = await loadSubscriber(attachment.moduleUrl);
    step = 'loop';
    if (attachment.loop === 'dedicated') checkBlocking(attachRing(attachment.ring).cells);
    step = 'setup';
    checkTimers();
    // Given up while it started, and counted as having handled nothing.
    if (attachRing(attachment.ring).cells.load(WRITER_STATE) === CLOSED) return;
    await module.setup?.(context);
    port.off('message', hearEarly);
    new SubscriberThread(attachment, types, module, context, bus, abort, printed).start(early);
  } catch (error) {
    bus.passed();
    await bus.close();
    sendToBus(port, { kind: 'refused', step, error: crossError(error) });
    port.close();
  }
}

/** Shows the watchdog that the event loop turns, several times before it loses patience. */
function beat(attachment: Attachment, hangTimeoutMs: number): void {
  const { cells } = attachRing(attachment.ring);
  const cell = slotOf(attachment.reader) + HEARTBEAT;
  setInterval(() => cells.add(cell, 1), Math.max(1, hangTimeoutMs / 8)).unref();
  cells.add(cell, 1);
}
