import type { ReceivedEnvelope } from './received-envelope.js';
export class FieldReader {
  constructor(_registry: unknown) {}
  namespace(e: ReceivedEnvelope): string {
    return e.namespace;
  }
  compile(_test: unknown): (e: ReceivedEnvelope) => boolean {
    return () => true;
  }
}
