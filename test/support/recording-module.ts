/** Modules that write down what they get, in memory that they share with the test. */
import { inlineModule } from './bus-scene.js';

/** Writes the ids of what it gets behind their number; `data` is shared. */
export const RECORDING = inlineModule(`export default ({ event }, { data }) => {
  data[1 + Atomics.load(data, 0)] = event.id;
  Atomics.add(data, 0, 1);
  Atomics.notify(data, 0);
}`);

/** Stays in its first event until it is let go on. */
export const WAITING = inlineModule('export default (_, { data }) => void Atomics.wait(data, 0, 0)');

/** Memory that a {@link RECORDING} module writes to. */
export class Log {
  readonly cells = new Int32Array(new SharedArrayBuffer(4 * 4_096));

  get ids(): number[] {
    return [...this.cells.subarray(1, 1 + Atomics.load(this.cells, 0))];
  }
}
