/** The entry of a thread that hosts a bus, and does nothing else. Loaded by that thread alone. */
import { parentPort, workerData } from 'node:worker_threads';
import { createBus } from './bus/bus.js';
import type { FromHost, HostStart, ToHost } from './bus/connection/host-protocol.js';
import { cross } from './connect/crossed-error.js';
import { startLoaded } from './host/thread-start.js';

const port = parentPort!;
const say = (message: FromHost): void => port.postMessage(message);

function host({ options }: HostStart): void {
  const bus = createBus(options);
  bus.on('error', (error) => say({ kind: 'error', error: cross(error) }));
  bus.on('evicted', (error) => say({ kind: 'evicted', error: cross(error) }));
  bus.on('deadLetter', ({ error, ...report }) => say({ kind: 'deadLetter', report, error: cross(error) }));
  bus.on('disconnect', (report) => say({ kind: 'disconnect', report }));
  // Holds the thread, which the process does not wait for.
  port.on('message', (message: ToHost) => {
    if (message.kind === 'stats') say({ kind: 'stats', id: message.id, stats: bus.stats() });
    else if (message.kind === 'destroy') bus.destroy();
    else {
      void bus.close({ drainTimeoutMs: message.drainTimeoutMs }).then(({ undelivered }) => {
        say({ kind: 'closed', undelivered });
        port.close();
      });
    }
  });
  say({ kind: 'ready', handle: bus.handle });
}

startLoaded();
try {
  host(workerData as HostStart);
} catch (error) {
  say({ kind: 'refused', error: cross(error) });
}
