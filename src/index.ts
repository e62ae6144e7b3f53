/** Stand-in for the public API: what the services and their command use of it, in one thread, without a ring. */
import { AsyncLocalStorage } from 'node:async_hooks';

export interface Emitter {
  emit(topic: string, event: object): boolean;
}

const context = new AsyncLocalStorage<Emitter>();

export function runWithEmitter<T>(emitter: Emitter, fn: () => T): T {
  return context.run(emitter, fn);
}

export function tryEmit(topic: string, event: object): boolean {
  try {
    return context.getStore()?.emit(topic, event) ?? false;
  } catch {
    return false;
  }
}

export interface Envelope {
  topic: string;
  namespace: string;
  timestamp: bigint;
  event: object;
}

export function formatCtrLine(envelope: Envelope): string {
  const seconds = new Date(Number(envelope.timestamp / 1_000_000n)).toISOString().replace('T', ' ').replace('Z', '');
  const event = JSON.stringify(envelope.event, (_, value) => (typeof value === 'bigint' ? String(value) : value));
  return `${seconds} +0000 UTC ${envelope.namespace} ${envelope.topic} ${event}`;
}

export function createBus() {
  const handlers: { filters: string[]; handler: (envelope: Envelope) => void }[] = [];
  const pending: Envelope[] = [];
  const deliver = () => {
    for (const envelope of pending.splice(0)) {
      for (const { filters, handler } of handlers) {
        if (filters.some((filter) => envelope.topic.startsWith(filter.replace('/**', '/')))) handler(envelope);
      }
    }
  };
  return {
    subscribe(filters: string | string[], handler: (envelope: Envelope) => void) {
      handlers.push({ filters: [filters].flat(), handler });
    },
    emitter(): Emitter {
      return {
        emit(topic, event) {
          pending.push({ topic, namespace: 'default', timestamp: BigInt(Date.now()) * 1_000_000n, event });
          if (pending.length === 1) setImmediate(deliver);
          return true;
        },
      };
    },
    async close() {
      deliver();
    },
  };
}
