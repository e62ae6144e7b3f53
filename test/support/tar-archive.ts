/** Archives for tests, also such as no archiver would write. */
import * as tar from 'tar';
import { type ArchiveInput, encodeArchive } from '../../src/services/rootfs/tar-writer.js';

export type TarInput = ArchiveInput;

export function tarOf(entries: readonly TarInput[]): Buffer {
  return encodeArchive(tar, entries);
}
