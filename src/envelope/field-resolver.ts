import type { ReceivedEnvelope } from './envelope.js';
export class FieldReader {
  constructor(_registry: unknown) {}
  namespace(e: ReceivedEnvelope): string {
    return e.namespace;
  }
  compile(_test: unknown): (e: ReceivedEnvelope) => boolean {
    return () => true;
  }
}
