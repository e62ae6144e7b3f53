/** What connects a subscriber module to its bus. Loaded by the thread of the module when that asks for `context.bus`. */
import { connectBus } from './bus/connection/bus-connection.js';
import { checkHandle } from './connect/bus-handle.js';
import { greetBy } from './connect/reception.js';
import { callFor, enterHandling, Handling } from './publish/handling.js';
import type { ModuleConnection, ModuleConnector, ModuleWay } from './worker/module-bus.js';

export const connect: ModuleConnector['connect'] = (way: ModuleWay): ModuleConnection => {
  const handle = checkHandle(way.bus);
  greetBy(handle.busId, (hello, port) => way.greet(hello, port));
  const bus = connectBus(handle, { name: way.name });
  const { parts } = bus;
  parts.link.waits.own(way.reader);
  const handling = new Handling({
    ring: parts.link.waits.ring,
    reader: way.reader,
    get heldPosition() {
      return way.isBusy() ? 0 : undefined;
    },
    get isBusy() {
      return way.isBusy();
    },
    standAside: () => {},
    letPass: () => {},
  });
  const handlings = [handling];
  // Whoever asked for the bus has something in hand itself.
  enterHandling(handling);
  return {
    bus,
    get isQueued() {
      return parts.publisher.order.queue.length > 0;
    },
    call: (handle, events) => callFor(handlings, handle, events),
    hear: () => parts.hear(),
    close: () => bus.leave(),
  };
};
