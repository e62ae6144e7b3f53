/** The shared memory of rings, uplinks and tables of names. */
import { OutOfMemoryError } from '../errors.js';

/**
 * Allocates shared memory that goes back to the system when nobody holds it any more.
 *
 * A growable buffer that never grows: V8 maps and unmaps its pages itself. An ordinary one comes from the C library, whose
 * heap keeps buffers of some megabytes once a few of them were freed: after 1,600 buses, 1.8 GB that nobody used. Pages
 * that were never written take no memory at all.
 *
 * Views must be given their length. One without tracks the length of the buffer, which costs each access a load.
 *
 * @throws {OutOfMemoryError} `BUS_OUT_OF_MEMORY`
 */
export function allocateShared(byteLength: number): SharedArrayBuffer {
  try {
    return new SharedArrayBuffer(byteLength, { maxByteLength: byteLength });
  } catch (error) {
    throw new OutOfMemoryError(byteLength, { cause: error });
  }
}
